import { queryOptions, useQuery } from '@tanstack/react-query'
import { api, call } from './api/client'
import type { Me, Scope } from './api/schema'

/** Who is signed in, and what this login opens. */
export const me = queryOptions({
  queryKey: ['me'],
  queryFn: () => call(api.GET('/api/v1/auth/me')) as Promise<Me>,
  staleTime: 300_000,
})

const ORDER: Scope[] = ['read', 'write', 'admin']

/** Whether this login opens so much. Until it is known nothing is taken away: the server decides. */
export function useMay(scope: Scope): boolean {
  const { data } = useQuery(me)
  return !data || ORDER.indexOf(data.scope) >= ORDER.indexOf(scope)
}
