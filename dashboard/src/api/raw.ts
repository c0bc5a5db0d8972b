import { session } from '../session'
import { ProblemError } from './problem'

/** Where an operation is that moves bytes and not JSON. Parts of `path` are encoded by whoever builds it. */
export const address = (path: string, query: Record<string, string | number | boolean | undefined> = {}) => {
  const words = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  )
  return `/api/v1${path}${words.length > 0 ? `?${words.join('&')}` : ''}`
}

/** An answer whose body is for the caller to read, or a {@link ProblemError}. */
export async function raw(url: string, init?: RequestInit): Promise<Response> {
  let response: Response
  try {
    response = await fetch(url, { credentials: 'same-origin', ...init })
  } catch (error) {
    if (init?.signal?.aborted) throw error
    throw ProblemError.unreachable()
  }
  if (response.ok) return response
  if (response.status === 401) session.ended()
  throw ProblemError.from(response.status, await response.json().catch(() => undefined))
}
