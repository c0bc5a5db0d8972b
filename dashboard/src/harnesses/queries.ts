import { queryOptions } from '@tanstack/react-query'
import { api, call } from '../api/client'
import type { HarnessInfo, InstallActivity, InstallPhase } from '../api/schema'
import { OPEN } from '../missions/states'
import type { Standing } from '../ui/StateMark'

/** One harness; while it is installed, as it goes. */
export const harness = (id: string) =>
  queryOptions({
    queryKey: ['harnesses', id],
    queryFn: () =>
      call(api.GET('/api/v1/harnesses/{id}', { params: { path: { id } } })) as Promise<HarnessInfo>,
    refetchInterval: ({ state: { data } }) =>
      data?.phase === 'installing' || (data?.test && OPEN.includes(data.test.state)) ? 1000 : 15_000,
  })

export const PHASES: Record<InstallPhase, Standing> = {
  not_needed: { glyph: '✓', word: 'Ready', tone: 'ok' },
  installed: { glyph: '✓', word: 'Installed', tone: 'ok' },
  installing: { glyph: '●', word: 'Installing', tone: 'running' },
  absent: { glyph: '○', word: 'Not installed', tone: '' },
  failed: { glyph: '✕', word: 'Failed', tone: 'fail' },
  unknown: { glyph: '○', word: 'Unknown', tone: '' },
}

export const ACTIVITIES: Record<InstallActivity, string> = {
  waiting: 'Waits',
  downloading: 'Downloads',
  unpacking: 'Unpacks',
  checking: 'Checks',
}
