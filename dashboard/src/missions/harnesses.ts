import { queryOptions } from '@tanstack/react-query'
import { api, call } from '../api/client'
import type { HarnessInfo } from '../api/schema'

/** The agents that this server knows, and how their programs stand. */
export const harnesses = queryOptions({
  queryKey: ['harnesses'],
  queryFn: () => call(api.GET('/api/v1/harnesses')) as Promise<{ items: HarnessInfo[] }>,
  staleTime: 60_000,
})

/** Whether a mission with it can begin at once, in words. */
export function readiness(harness: HarnessInfo): { ok: boolean; word: string } {
  if (harness.phase === 'failed')
    return { ok: false, word: harness.problem?.message ?? 'could not be installed' }
  if (harness.phase === 'not_needed') return { ok: true, word: 'ready, needs nothing' }
  if (harness.phase === 'installed') return { ok: true, word: 'installed' }
  if (harness.phase === 'installing') return { ok: true, word: 'is being installed' }
  return { ok: true, word: 'is installed with its first mission' }
}
