import type { Problem } from './schema'

/** An answer that is an error, or that did not come. */
export class ProblemError extends Error {
  override name = 'ProblemError'

  constructor(
    /** 0 where no answer came. */
    readonly status: number,
    readonly code: string,
    /** One sentence for a person. */
    detail: string,
    /** What mends it. */
    readonly hint?: string,
    /** The id under which the server's log has it. */
    readonly instance?: string,
  ) {
    super(detail)
  }

  /** Reads a problem document; any other body of an error is named by its status. */
  static from(status: number, body: unknown): ProblemError {
    const problem = (typeof body === 'object' && body !== null ? body : {}) as Partial<Problem>
    const detail = problem.detail ?? `the server answered with ${status}`
    return new ProblemError(
      status,
      problem.code ?? 'http.unknown',
      sentence(detail),
      problem.hint ?? undefined,
      problem.instance ?? undefined,
    )
  }

  /** The server was not reached. */
  static unreachable(): ProblemError {
    return new ProblemError(
      0,
      'http.unreachable',
      'The server cannot be reached.',
      'It may be restarting. This page tries again by itself.',
    )
  }
}

/** What went wrong, whatever was thrown. */
export function problemOf(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error
  const text = error instanceof Error ? error.message : String(error)
  return new ProblemError(0, 'dashboard.error', sentence(text))
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?…]$/.test(first) ? first : `${first}.`
}
