import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { clock } from './format'
import { Empty, Failed, Loading } from './states'

/** What a query has: the four states of a part of a page. What was there before an error stays, and says how old it is. */
export function Loaded<T>(props: {
  query: UseQueryResult<T>
  /** What stands there when there is nothing. */
  empty?: { when: (data: T) => boolean; title: string; text: ReactNode }
  rows?: number
  children: (data: T) => ReactNode
}) {
  const { query, empty } = props
  return (
    <>
      {query.error && (
        <Failed error={query.error} retry={() => void query.refetch()}>
          {query.data !== undefined && (
            <span className="dim">What is below is as of {clock(query.dataUpdatedAt)}.</span>
          )}
        </Failed>
      )}
      {query.isPending && !query.error && <Loading rows={props.rows ?? 5} />}
      {query.data !== undefined &&
        (empty?.when(query.data) ? (
          <Empty title={empty.title}>
            <div className="soft">{empty.text}</div>
          </Empty>
        ) : (
          <div className={query.error ? 'stale' : 'loaded'} data-loaded>
            {props.children(query.data)}
          </div>
        ))}
    </>
  )
}
