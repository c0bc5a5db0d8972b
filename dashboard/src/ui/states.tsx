import { type ReactNode, useEffect } from 'react'
import { problemOf } from '../api/problem'
import { link } from '../live/connection'
import { useSignal } from '../signal'
import { age, clock } from './format'
import { useNow } from './now'

/** There is nothing here, and what could be done about it. */
export function Empty(props: { title: string; children?: ReactNode }) {
  return (
    <div className="blank">
      <h2>{props.title}</h2>
      {props.children}
    </div>
  )
}

/** It is on its way. Ruled lines, and only after a moment. */
export function Loading(props: { rows?: number; label?: string }) {
  return (
    <div className="ruled" role="status">
      <span className="hidden">{props.label ?? 'Loading'}</span>
      {Array.from({ length: props.rows ?? 8 }, (_, row) => (
        <span key={row} aria-hidden />
      ))}
    </div>
  )
}

/** It could not be had or done: what the server says, and what mends it. */
export function Failed(props: { error: unknown; retry?: () => void; children?: ReactNode }) {
  const problem = problemOf(props.error)
  return (
    <div className="problem" role="alert">
      <p>{problem.message}</p>
      {problem.hint && <p className="hint">{problem.hint}</p>}
      <p className="dim mono">{problem.code}</p>
      {(props.retry || props.children) && (
        <div className="row">
          {props.retry && (
            <button type="button" className="button small" onClick={props.retry}>
              Try again
            </button>
          )}
          {props.children}
        </div>
      )}
    </div>
  )
}

/** Whether what is on the page is what is. */
export function LiveMark() {
  const { state, since } = useSignal(link)
  const now = useNow(1000)
  if (state === 'live') return <span className="dim">Live</span>
  const seconds = Math.max(0, Math.round((now - since) / 1000))
  if (state === 'connecting' && seconds < 1) return <span className="dim">Connecting</span>
  return (
    <span className="state fail">
      <span aria-hidden>✕</span>
      <span>
        Reconnecting… as of {clock(since)}, {age(seconds * 1000)} ago
      </span>
    </span>
  )
}

/** A page: one heading, and a mark for when its first data is there. */
export function Page(props: {
  title: string
  head?: ReactNode
  ready: boolean
  className?: string
  children: ReactNode
}) {
  useEffect(() => {
    document.title = `${props.title} · sandboxed.sh`
  }, [props.title])
  return (
    <main
      id="main"
      className={`page ${props.className ?? ''}`}
      data-ready={props.ready || undefined}
      tabIndex={-1}
    >
      <header className="page-head">
        <h1>{props.title}</h1>
        {props.head}
      </header>
      {props.children}
    </main>
  )
}
