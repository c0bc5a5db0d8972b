import { queryOptions } from '@tanstack/react-query'
import { api, call } from '../api/client'
import type { PluginHealth, PluginInfo, Tool } from '../api/schema'
import type { Standing } from '../ui/StateMark'

const AGAIN = 5000

export const plugins = queryOptions({
  queryKey: ['plugins'],
  queryFn: () => call(api.GET('/api/v1/plugins')) as Promise<{ items: PluginInfo[] }>,
  refetchInterval: AGAIN,
})

export const plugin = (id: string) =>
  queryOptions({
    queryKey: ['plugins', id],
    queryFn: () => call(api.GET('/api/v1/plugins/{id}', { params: { path: { id } } })) as Promise<PluginInfo>,
    refetchInterval: AGAIN,
  })

export const tools = (id: string) =>
  queryOptions({
    queryKey: ['plugins', id, 'tools'],
    queryFn: () =>
      call(api.GET('/api/v1/plugins/{id}/tools', { params: { path: { id } } })) as Promise<{ items: Tool[] }>,
  })

export const HEALTH: Record<PluginHealth, Standing> = {
  ready: { glyph: '✓', word: 'Ready', tone: 'ok' },
  degraded: { glyph: '‖', word: 'Degraded', tone: 'fail' },
  quarantined: { glyph: '✕', word: 'Quarantined', tone: 'fail' },
  disabled: { glyph: '○', word: 'Disabled', tone: '' },
}
