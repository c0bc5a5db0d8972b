import { queryOptions } from '@tanstack/react-query'
import { api, call } from '../api/client'
import type { SkillInfo } from '../api/schema'

/** The skills of the server's library. */
export const skills = queryOptions({
  queryKey: ['skills'],
  queryFn: () => call(api.GET('/api/v1/skills')) as Promise<{ items: SkillInfo[] }>,
  staleTime: 60_000,
})
