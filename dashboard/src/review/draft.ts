import { useEffect } from 'react'
import { requestKey } from '../api/client'
import { Signal, useSignal } from '../signal'
import type { Comment, Span } from './comments'

/** The most comments of one review. */
const MOST = 200

/** A comment on its way: a new one, or another text of one that is there. */
export interface Writing extends Span {
  id?: string
  code: string
  text: string
}

/** What is written of a review and not sent: kept in this browser. */
export interface ReviewDraft {
  comments: readonly Comment[]
  /** The comment that is being written. */
  writing?: Writing
}

const EMPTY: ReviewDraft = { comments: [] }
const drafts = new Map<string, Signal<ReviewDraft>>()
const keyOf = (mission: string) => `review:${mission}`

function draftOf(mission: string): Signal<ReviewDraft> {
  const known = drafts.get(mission)
  if (known) return known
  const draft = new Signal(read(mission))
  drafts.set(mission, draft)
  return draft
}

function read(mission: string): ReviewDraft {
  try {
    const draft = JSON.parse(localStorage.getItem(keyOf(mission)) ?? '{}') as Partial<ReviewDraft>
    return { comments: Array.isArray(draft.comments) ? draft.comments : [], writing: draft.writing }
  } catch {
    return EMPTY
  }
}

/** The comments of a mission's review, and what can be done with them. */
export function useReviewDraft(mission: string) {
  const signal = draftOf(mission)
  const draft = useSignal(signal)
  useEffect(() => {
    const other = (event: StorageEvent) => {
      if (event.key === keyOf(mission)) signal.set(read(mission))
    }
    addEventListener('storage', other)
    return () => removeEventListener('storage', other)
  }, [mission, signal])
  const set = (next: ReviewDraft) => {
    signal.set(next)
    try {
      if (next.comments.length === 0 && !next.writing) localStorage.removeItem(keyOf(mission))
      else localStorage.setItem(keyOf(mission), JSON.stringify(next))
    } catch {
      // A browser that keeps nothing keeps it as long as the page is there.
    }
  }
  return {
    ...draft,
    full: draft.comments.length >= MOST,
    write: (writing: ReviewDraft['writing']) => set({ ...signal.value, writing }),
    /** Keeps what is being written. */
    keep: (turn: number | undefined) => {
      const { comments, writing } = signal.value
      if (!writing || writing.text.trim() === '') return
      const { id = requestKey(), ...rest } = writing
      const known = comments.find(comment => comment.id === id)
      const comment: Comment = known ? { ...known, text: writing.text } : { ...rest, turn, id }
      set({ comments: [...comments.filter(other => other.id !== id), comment].slice(-MOST) })
    },
    remove: (id: string) =>
      set({ ...signal.value, comments: signal.value.comments.filter(comment => comment.id !== id) }),
    clear: (ids: readonly string[]) =>
      set({
        ...signal.value,
        comments: signal.value.comments.filter(comment => !ids.includes(comment.id)),
      }),
  }
}
