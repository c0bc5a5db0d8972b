import { expect, test, vi } from 'vitest'
import type { Feed, FeedEvents } from './feed'
import { type FromHub, Hub } from './hub'

function lab() {
  const open = new Map<string, FeedEvents & { after?: string }>()
  const hub = new Hub((url, after, events) => {
    open.set(url, { ...events, after })
    return { state: 'live', close: () => open.delete(url), retry() {} } as unknown as Feed
  })
  const page = () => {
    const heard: FromHub[] = []
    const port = { send: (message: FromHub) => heard.push(message) }
    hub.attach(port)
    return { heard, port }
  }
  return { hub, open, page }
}

const url = (id: string) => `/api/v1/missions/${id}/stream`

test('pages that follow the same mission share a stream', async () => {
  const { hub, open, page } = lab()
  const [one, other] = [page(), page()]
  hub.receive(one.port, { type: 'watch', missions: [{ id: 'a', after: 5 }] })
  hub.receive(other.port, { type: 'watch', missions: [{ id: 'a', after: 9 }] })
  expect([...open.keys()]).toEqual(['/api/v1/stream', url('a')])

  open.get(url('a'))?.event({ id: '10', kind: 'message', data: '{"seq":10}' })
  for (const { heard } of [one, other]) {
    await vi.waitFor(() =>
      expect(heard.at(-1)).toEqual({ type: 'events', mission: 'a', events: [{ seq: 10 }] }),
    )
  }
})

test('a stream is closed with the last page that follows it', () => {
  const { hub, open, page } = lab()
  const [one, other] = [page(), page()]
  for (const { port } of [one, other]) hub.receive(port, { type: 'watch', missions: [{ id: 'a', after: 0 }] })
  hub.receive(one.port, { type: 'bye' })
  expect(open.has(url('a'))).toBe(true)
  hub.receive(other.port, { type: 'watch', missions: [] })
  expect(open.has(url('a'))).toBe(false)
  expect(open.has('/api/v1/stream')).toBe(true)
  hub.receive(other.port, { type: 'bye' })
  expect(open.size).toBe(0)
})

test('the streams of missions never take all connections of a browser', () => {
  const { hub, open, page } = lab()
  for (const id of ['a', 'b', 'c', 'd', 'e']) {
    hub.receive(page().port, { type: 'watch', missions: [{ id, after: 0 }] })
  }
  expect([...open.keys()]).toEqual(['/api/v1/stream', url('c'), url('d'), url('e')])
})

test('summaries that come together are handed over together, each mission as it last stood', async () => {
  const { open, page } = lab()
  const { heard } = page()
  for (const revision of [1, 2]) {
    open
      .get('/api/v1/stream')
      ?.event({ id: '', kind: 'mission', data: JSON.stringify({ id: 'a', revision }) })
  }
  await vi.waitFor(() =>
    expect(heard.filter(({ type }) => type === 'missions')).toEqual([
      { type: 'missions', missions: [{ id: 'a', revision: 2 }] },
    ]),
  )
})
