import { problemOf } from '../api/problem'
import { Signal, useSignal } from '../signal'

interface Toast {
  id: number
  text: string
  hint?: string
  failed: boolean
}

const STAYS = 6000
const toasts = new Signal<Toast[]>([])
let last = 0

function show(toast: Omit<Toast, 'id'>) {
  last += 1
  const id = last
  toasts.set([...toasts.value.slice(-2), { ...toast, id }])
  setTimeout(
    () => toasts.set(toasts.value.filter(toast => toast.id !== id)),
    toast.failed ? STAYS * 2 : STAYS,
  )
}

/** Says that something was done. */
export const tell = (text: string) => show({ text, failed: false })

/** Says that something could not be done, and what mends it. */
export function tellFailure(error: unknown) {
  const problem = problemOf(error)
  if (problem.status === 401) return
  show({ text: problem.message, hint: problem.hint, failed: true })
}

export function Toasts() {
  const shown = useSignal(toasts)
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(toast => (
        <div key={toast.id} className={toast.failed ? 'toast failed' : 'toast'}>
          <div className="grow">
            <p>{toast.text}</p>
            {toast.hint && <p className="soft">{toast.hint}</p>}
          </div>
          <button
            type="button"
            className="button bare small"
            onClick={() => toasts.set(toasts.value.filter(other => other.id !== toast.id))}
          >
            Dismiss
          </button>
        </div>
      ))}
    </div>
  )
}

const status = new Signal('')

/** Says to screen readers, in the one status line, what happened as a whole. */
export const announce = (text: string) => status.set(text)

export function StatusLine() {
  return (
    <div className="hidden" role="status" aria-live="polite">
      {useSignal(status)}
    </div>
  )
}
