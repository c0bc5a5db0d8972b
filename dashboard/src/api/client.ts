import createClient from 'openapi-fetch'
import { session } from '../session'
import { ProblemError } from './problem'
import type { paths } from './schema'

/** The server's API. Wrap each call in {@link call}. */
export const api = createClient<paths>({
  baseUrl: location.origin,
  credentials: 'same-origin',
  fetch: async request => {
    try {
      return await fetch(request)
    } catch {
      throw ProblemError.unreachable()
    }
  },
})

/** What an operation answers, or a {@link ProblemError}. A login that has ended opens the sign-in over the page. */
export async function call<T>(
  answer: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await answer
  if (response.ok) return data as T
  if (response.status === 401 && !response.url.endsWith('/auth/login')) session.ended()
  throw ProblemError.from(response.status, error)
}

/** A name for a request, so that a repeat of it is not done twice. Also where `crypto.randomUUID` is missing (plain HTTP). */
export function requestKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}
