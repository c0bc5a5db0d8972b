import { queryOptions } from '@tanstack/react-query'
import { api, call } from '../api/client'
import type { Workspace } from '../api/schema'

/** The workspaces, the newest first. */
export const workspaces = queryOptions({
  queryKey: ['workspaces'],
  queryFn: () =>
    call(api.GET('/api/v1/workspaces', { params: { query: { limit: 500 } } })) as Promise<{
      items: Workspace[]
    }>,
})
