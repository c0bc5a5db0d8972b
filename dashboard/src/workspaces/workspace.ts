import { queryOptions } from '@tanstack/react-query'
import { api, call } from '../api/client'
import type {
  Build,
  Mission,
  PluginInfo,
  Process,
  ResourceUsage,
  Snapshot,
  Template,
  Workspace,
  WorkspacePort,
} from '../api/schema'

/** How often what changes by itself is looked up while somebody sees it. */
const SOON = 2000
const LATER = 10_000

export const workspace = (id: string) =>
  queryOptions({
    queryKey: ['workspaces', id],
    queryFn: () =>
      call(api.GET('/api/v1/workspaces/{id}', { params: { path: { id } } })) as Promise<Workspace>,
    refetchInterval: ({ state }) => (state.data?.phase === 'building' ? SOON : LATER),
  })

export const workspaceUsage = (id: string) =>
  queryOptions({
    queryKey: ['workspaces', id, 'usage'],
    queryFn: () =>
      call(api.GET('/api/v1/workspaces/{id}/usage', { params: { path: { id } } })) as Promise<ResourceUsage>,
    refetchInterval: LATER,
  })

export const workspaceProcesses = (id: string) =>
  queryOptions({
    queryKey: ['workspaces', id, 'processes'],
    queryFn: () =>
      call(
        api.GET('/api/v1/workspaces/{id}/processes', { params: { path: { id }, query: { limit: 200 } } }),
      ) as Promise<{ items: Process[] }>,
    refetchInterval: SOON,
  })

export const workspacePorts = (id: string) =>
  queryOptions({
    queryKey: ['workspaces', id, 'ports'],
    queryFn: () =>
      call(api.GET('/api/v1/workspaces/{id}/ports', { params: { path: { id } } })) as Promise<{
        items: WorkspacePort[]
      }>,
    refetchInterval: SOON,
  })

export const workspaceSnapshots = (id: string) =>
  queryOptions({
    queryKey: ['snapshots', id],
    queryFn: () =>
      call(
        api.GET('/api/v1/workspaces/{id}/snapshots', { params: { path: { id }, query: { limit: 200 } } }),
      ) as Promise<{ items: Snapshot[] }>,
  })

export const snapshots = queryOptions({
  queryKey: ['snapshots'],
  queryFn: () =>
    call(api.GET('/api/v1/snapshots', { params: { query: { limit: 500 } } })) as Promise<{
      items: Snapshot[]
    }>,
})

export const workspaceBuilds = (id: string) =>
  queryOptions({
    queryKey: ['workspaces', id, 'builds'],
    queryFn: () =>
      call(
        api.GET('/api/v1/workspaces/{id}/builds', { params: { path: { id }, query: { limit: 20 } } }),
      ) as Promise<{ items: Build[] }>,
    refetchInterval: ({ state }) => (state.data?.items.some(isUnderWay) ? SOON / 2 : LATER),
  })

export const isUnderWay = ({ state }: Build) => state === 'queued' || state === 'running'

export const workspaceMissions = (id: string) =>
  queryOptions({
    queryKey: ['missions', 'of', id],
    queryFn: () =>
      call(api.GET('/api/v1/missions', { params: { query: { workspace: id, limit: 20 } } })) as Promise<{
        items: Mission[]
      }>,
  })

export const templates = queryOptions({
  queryKey: ['templates'],
  queryFn: () =>
    call(api.GET('/api/v1/templates', { params: { query: { limit: 500 } } })) as Promise<{
      items: Template[]
    }>,
})

export const template = (name: string, version?: number) =>
  queryOptions({
    queryKey: ['templates', name, version],
    queryFn: () =>
      call(
        api.GET('/api/v1/templates/{name}', { params: { path: { name }, query: { version } } }),
      ) as Promise<Template>,
  })

/** All versions of a template, the newest first. */
export const templateVersions = (name: string) =>
  queryOptions({
    queryKey: ['templates', name, 'versions'],
    queryFn: () =>
      call(
        api.GET('/api/v1/templates/{name}/versions', { params: { path: { name }, query: { limit: 200 } } }),
      ) as Promise<{ items: Template[] }>,
  })

/** The plugins that make workspaces. */
export const backends = queryOptions({
  queryKey: ['plugins'],
  queryFn: () => call(api.GET('/api/v1/plugins')) as Promise<{ items: PluginInfo[] }>,
  select: ({ items }) => items.filter(({ kind }) => kind === 'backend'),
})
