import { useInfiniteQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api, call } from '../api/client'
import type { EventHit } from '../api/schema'
import { clock } from '../ui/format'
import { Failed } from '../ui/states'
import { visible } from './visible'

const WAIT = 150

/** Looks for words in a whole mission, whatever of it is loaded. */
export function Find(props: { mission: string; onClose: () => void; onPlace: (seq: number) => void }) {
  const [text, setText] = useState('')
  const [words, setWords] = useState('')
  useEffect(() => {
    const timer = setTimeout(() => setWords(text.trim()), WAIT)
    return () => clearTimeout(timer)
  }, [text])
  const { data, error, hasNextPage, fetchNextPage, isFetching } = useInfiniteQuery({
    queryKey: ['search', props.mission, words],
    queryFn: ({ pageParam }) =>
      call(
        api.GET('/api/v1/search', {
          params: { query: { q: words, mission: props.mission, cursor: pageParam } },
        }),
      ) as Promise<{ items: EventHit[]; next_cursor?: string | null }>,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.next_cursor ?? undefined,
    enabled: words !== '',
  })
  const hits = data?.pages.flatMap(page => page.items) ?? []
  return (
    <search className="find">
      <div className="row">
        <input
          className="input"
          aria-label="Words in the transcript"
          placeholder="Words in the transcript"
          autoFocus
          value={text}
          maxLength={200}
          onChange={event => setText(event.target.value)}
          onKeyDown={event => {
            if (event.key === 'Escape') props.onClose()
            else if (event.key === 'Enter' && hits[0]) props.onPlace(hits[0].event.seq)
          }}
        />
        <button type="button" className="button bare" onClick={props.onClose}>
          Close
        </button>
      </div>
      {error && <Failed error={error} />}
      {words !== '' && !isFetching && hits.length === 0 && !error && (
        <p className="dim">Nothing holds these words.</p>
      )}
      {hits.length > 0 && (
        <ol className="hits">
          {hits.map(({ event, snippet }) => (
            <li key={event.seq}>
              <button type="button" className="fold" onClick={() => props.onPlace(event.seq)}>
                <span className="dim num">{clock(event.at)}</span>
                <span className="cut grow">{visible(snippet)}</span>
                <span className="tag">{event.kind.replace('_', ' ')}</span>
              </button>
            </li>
          ))}
        </ol>
      )}
      {hasNextPage && (
        <button type="button" className="button small" onClick={() => void fetchNextPage()}>
          More
        </button>
      )}
    </search>
  )
}
