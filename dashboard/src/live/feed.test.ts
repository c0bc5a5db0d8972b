import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Feed, type FeedState } from './feed'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

/** A server whose answers are given one after the other. */
function server(...answers: (Response | Error)[]) {
  const asked: string[] = []
  const fetcher = (async (url: string) => {
    asked.push(url)
    const answer = answers.shift() ?? new Promise<Response>(() => {})
    if (answer instanceof Error) throw answer
    return answer
  }) as unknown as typeof fetch
  return { asked, fetcher }
}

const stream = (text: string) => new Response(text, { status: 200 })
const event = (id: number) => `id: ${id}\nevent: message\ndata: ${id}\n\n`

function follow(fetcher: typeof fetch, after?: string) {
  const events: string[] = []
  const states: FeedState[] = []
  const feed = new Feed(
    '/stream',
    after,
    { event: ({ id }) => events.push(id), state: state => states.push(state) },
    fetcher,
  )
  return { feed, events, states }
}

test('a stream that breaks off is taken up after the last event that came', async () => {
  const { asked, fetcher } = server(stream(event(1) + event(2)), new Error('no network'), stream(event(3)))
  const { events, states } = follow(fetcher)
  await vi.waitFor(() => expect(events).toEqual(['1', '2', '3']))
  expect(asked.slice(0, 3)).toEqual(['/stream', '/stream?after=2', '/stream?after=2'])
  expect(states.slice(0, 3)).toEqual(['live', 'waiting', 'connecting'])
})

test('it begins where the page says', () => {
  const { asked, fetcher } = server()
  follow(fetcher, '41')
  expect(asked).toEqual(['/stream?after=41'])
})

test('a login that has ended is told, and tried again only when asked to', async () => {
  const { asked, fetcher } = server(new Response('', { status: 401 }), stream(event(1)))
  const { feed, states, events } = follow(fetcher)
  await vi.waitFor(() => expect(states).toEqual(['denied']))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(asked).toHaveLength(1)
  feed.retry()
  await vi.waitFor(() => expect(events).toEqual(['1']))
})

test('a mission that is gone is not asked for again', async () => {
  const { asked, fetcher } = server(new Response('', { status: 404 }))
  const { states } = follow(fetcher)
  await vi.waitFor(() => expect(states).toEqual(['gone']))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(asked).toHaveLength(1)
})

test('a closed stream tells nothing more', async () => {
  const { fetcher } = server(stream(event(1)))
  const { feed, events, states } = follow(fetcher)
  feed.close()
  await vi.advanceTimersByTimeAsync(1000)
  expect([events, states]).toEqual([[], []])
})
