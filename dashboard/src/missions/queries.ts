import {
  type InfiniteData,
  infiniteQueryOptions,
  type QueryClient,
  queryOptions,
  useQuery,
} from '@tanstack/react-query'
import { api, call } from '../api/client'
import type { Mission, OpenAsk } from '../api/schema'
import { link, onMissions } from '../live/connection'
import { OPEN } from './states'

/** Which missions a list holds. */
export interface MissionFilter {
  q?: string
  workspace?: string
}

interface MissionPage {
  items: Mission[]
  next_cursor?: string | null
}

const PAGE = 200

/** Missions, the newest first, page by page. */
export const missionList = (filter: MissionFilter) =>
  infiniteQueryOptions({
    queryKey: ['missions', 'list', filter],
    queryFn: ({ pageParam }) =>
      call(
        api.GET('/api/v1/missions', {
          params: {
            query: {
              limit: PAGE,
              q: filter.q || undefined,
              workspace: filter.workspace || undefined,
              cursor: pageParam,
            },
          },
        }),
      ) as Promise<MissionPage>,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.next_cursor ?? undefined,
  })

/** All missions of which something is still to come. */
export const openMissions = queryOptions({
  queryKey: ['missions', 'open'],
  queryFn: () =>
    call(
      api.GET('/api/v1/missions', {
        params: { query: { limit: 500, state: OPEN } },
        querySerializer: { array: { style: 'form', explode: false } },
      }),
    ) as Promise<MissionPage>,
})

export const missionQuery = (id: string) =>
  queryOptions({
    queryKey: ['missions', 'one', id],
    queryFn: () => call(api.GET('/api/v1/missions/{id}', { params: { path: { id } } })) as Promise<Mission>,
  })

/** What agents wait for, in all missions. */
export const openAsks = queryOptions({
  queryKey: ['asks'],
  queryFn: () => call(api.GET('/api/v1/asks')) as Promise<{ items: OpenAsk[] }>,
})

/** Missions that wait for a person in the middle of something. */
export function useNeeding(): Mission[] {
  const { data } = useQuery(openMissions)
  return (data?.items ?? []).filter(
    mission => mission.state === 'awaiting_approval' || mission.state === 'interrupted',
  )
}

/** What comes together is looked up once. */
const SETTLE = 250

/** Keeps the queries true as missions change. */
export function keepMissions(queries: QueryClient): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const lookUp = (keys: string[][]) => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      for (const queryKey of keys) void queries.invalidateQueries({ queryKey })
    }, SETTLE)
  }
  const stopMissions = onMissions(missions => {
    const stale = new Map<string, string[]>()
    for (const mission of missions) {
      const before = queries.getQueryData(missionQuery(mission.id).queryKey)
      if (!before || before.revision < mission.revision) {
        queries.setQueryData(missionQuery(mission.id).queryKey, mission)
      }
      const open = queries.getQueryData(openMissions.queryKey)
      const asked = open?.items.find(({ id }) => id === mission.id)
      if (mission.open_asks || asked?.open_asks) stale.set('asks', ['asks'])
    }
    const changed = new Map(missions.map(mission => [mission.id, mission]))
    queries.setQueryData(
      openMissions.queryKey,
      page => page && { ...page, items: renewOpen(page.items, changed) },
    )
    queries.setQueriesData<InfiniteData<MissionPage>>({ queryKey: ['missions', 'list'] }, data => {
      if (!data) return data
      const known = new Set(data.pages.flatMap(page => page.items.map(({ id }) => id)))
      if (missions.some(({ id }) => !known.has(id))) stale.set('list', ['missions', 'list'])
      if (!missions.some(({ id }) => known.has(id))) return data
      return { ...data, pages: data.pages.map(page => ({ ...page, items: renew(page.items, changed) })) }
    })
    if (stale.size > 0) lookUp([...stale.values()])
  })
  // What changed while nothing was heard is looked up.
  let live = false
  const stopLink = link.subscribe(() => {
    const now = link.value.state === 'live'
    if (now && !live) lookUp([['missions'], ['asks']])
    live = now
  })
  return () => {
    clearTimeout(timer)
    stopMissions()
    stopLink()
  }
}

/** The same list with what changed in its place. */
export function renew(items: Mission[], changed: Map<string, Mission>): Mission[] {
  return items.map(mission => {
    const newer = changed.get(mission.id)
    return newer && newer.revision > mission.revision ? newer : mission
  })
}

function renewOpen(items: Mission[], changed: Map<string, Mission>): Mission[] {
  const known = new Set(items.map(({ id }) => id))
  const added = [...changed.values()].filter(({ id }) => !known.has(id))
  return [...added, ...renew(items, changed)].filter(({ state }) => OPEN.includes(state))
}
