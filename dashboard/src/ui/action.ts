import { type QueryKey, useMutation, useQueryClient } from '@tanstack/react-query'
import { tell, tellFailure } from '../shell/toasts'

/** Something that a person does: what it changes is looked up again, and both outcomes are told. */
export function useAction<V = void, T = unknown>(action: {
  run: (value: V) => Promise<T>
  /** What is said when it is done. */
  done?: string | ((result: T, value: V) => string | undefined)
  /** Queries that are no longer true. */
  stale?: QueryKey[]
  after?: (result: T, value: V) => void
  /** Whether its failure is shown where it happened, and not as a toast. */
  quiet?: boolean
}) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: action.run,
    onSuccess: (result, value) => {
      for (const queryKey of action.stale ?? []) void queries.invalidateQueries({ queryKey })
      const text = typeof action.done === 'function' ? action.done(result, value) : action.done
      if (text) tell(text)
      action.after?.(result, value)
    },
    onError: error => {
      if (!action.quiet) tellFailure(error)
    },
  })
}
