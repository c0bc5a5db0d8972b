import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, call } from '../api/client'
import { address, raw } from '../api/raw'
import type { FileEntry } from '../api/schema'

/** What of a file is shown in the page. */
export const PREVIEW = 256 << 10
/** An image that is larger is not fetched to be looked at. */
export const IMAGE = 8 << 20

interface FilePage {
  items: FileEntry[]
  next_cursor?: string | null
}

export const directory = (workspace: string, path: string) =>
  infiniteQueryOptions({
    queryKey: ['files', workspace, path],
    queryFn: ({ pageParam }) =>
      call(
        api.GET('/api/v1/workspaces/{id}/files', {
          params: {
            path: { id: workspace },
            query: { path: path || undefined, cursor: pageParam, limit: 500 },
          },
        }),
      ) as Promise<FilePage>,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.next_cursor ?? undefined,
  })

export const entry = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ['files', workspace, path, 'entry'],
    queryFn: () =>
      call(
        api.GET('/api/v1/workspaces/{id}/files/entry', {
          params: { path: { id: workspace }, query: { path } },
        }),
      ) as Promise<FileEntry>,
  })

export const contentUrl = (workspace: string, path: string) =>
  address(`/workspaces/${workspace}/files/content`, { path })

export const archiveUrl = (workspace: string, path: string) =>
  address(`/workspaces/${workspace}/files/archive`, { path: path || undefined })

/** The beginning of a file, or the whole of an image. */
export const preview = (workspace: string, { path, etag, size }: FileEntry) =>
  queryOptions({
    queryKey: ['files', workspace, path, 'preview', etag],
    queryFn: async ({ signal }): Promise<Preview> => {
      const type = imageType(path)
      if (type && size <= IMAGE) {
        const response = await raw(contentUrl(workspace, path), { signal })
        return { kind: 'image', image: new Blob([await response.arrayBuffer()], { type }) }
      }
      if (size === 0) return { kind: 'text', text: '' }
      const response = await raw(contentUrl(workspace, path), {
        signal,
        headers: { range: `bytes=0-${PREVIEW - 1}` },
      })
      return readText(new Uint8Array(await response.arrayBuffer()))
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  })

export type Preview = { kind: 'text'; text: string } | { kind: 'binary' } | { kind: 'image'; image: Blob }

/** Text, or that it is none: a zero byte, or what is no UTF-8 other than a character that was cut at the end. */
export function readText(bytes: Uint8Array): Preview {
  if (bytes.includes(0)) return { kind: 'binary' }
  try {
    return { kind: 'text', text: new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true }) }
  } catch {
    return { kind: 'binary' }
  }
}

const IMAGES: Record<string, string> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
}

/** The type of an image by its name. SVG is text here: it can hold scripts. */
export const imageType = (path: string) => IMAGES[path.slice(path.lastIndexOf('.') + 1).toLowerCase()]

export const parent = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')))
export const join = (directory: string, name: string) => (directory ? `${directory}/${name}` : name)
