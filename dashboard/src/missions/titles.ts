import { queryOptions } from '@tanstack/react-query'
import { api, call } from '../api/client'
import type { Mission } from '../api/schema'

/** The titles of the newest missions, by id. */
export const missionTitles = queryOptions({
  queryKey: ['missions', 'titles'],
  queryFn: () =>
    call(api.GET('/api/v1/missions', { params: { query: { limit: 500 } } })) as Promise<{ items: Mission[] }>,
  select: ({ items }) => new Map(items.map(({ id, title }) => [id, title])),
})
