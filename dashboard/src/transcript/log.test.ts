// @vitest-environment happy-dom
import { expect, test, vi } from 'vitest'
import type { Event, Mission } from '../api/schema'
import { events } from './events.fixture'
import { MissionLog } from './log'

/** A log on a server: rows that each are an entry. */
function server(length: number) {
  const all = () =>
    events(
      ...Array.from(
        { length },
        (_, row) => ['message', { id: `${row + 1}`, role: 'agent', text: 'x' }] as [string, unknown],
      ),
    )
  const loads: [number, number][] = []
  const load = async (_: string, after: number, limit: number): Promise<Event[]> => {
    loads.push([after, limit])
    return all().slice(after, after + limit)
  }
  return {
    loads,
    load,
    grow: (by: number) => {
      length += by
    },
    slice: (from: number, to: number) => all().slice(from - 1, to),
  }
}

const seqs = (log: MissionLog) => log.items.map(item => item.seq)
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

test('the end is shown first, and what was before when somebody goes there', async () => {
  const { load, loads } = server(5000)
  const log = new MissionLog('m', load)
  await log.open(5000)
  expect(seqs(log)).toEqual(range(4701, 5000))
  await log.older()
  expect(seqs(log)).toEqual(range(3701, 5000))
  expect(loads).toEqual([
    [4700, 300],
    [3700, 1000],
  ])
})

test('a stream that is ahead of the page leaves no gap, and one that repeats no double', async () => {
  const one = server(10)
  const log = new MissionLog('m', one.load)
  await log.open(10)
  one.grow(10)
  log.receive(one.slice(15, 20))
  await vi.waitFor(() => expect(seqs(log)).toEqual(range(1, 20)))
  log.receive(one.slice(12, 20))
  expect(seqs(log)).toEqual(range(1, 20))
})

test('what comes while the page loads is not lost', async () => {
  const one = server(10)
  const log = new MissionLog('m', one.load)
  const opened = log.open(10)
  one.grow(2)
  log.receive(one.slice(11, 12))
  await opened
  await vi.waitFor(() => expect(seqs(log)).toEqual(range(1, 12)))
})

test('a reader who is elsewhere is not moved by what comes at the end', async () => {
  const one = server(5000)
  const log = new MissionLog('m', one.load)
  await log.open(5000, 1000)
  expect(seqs(log)).toEqual(range(851, 1150))
  expect(log.atEnd).toBe(false)
  one.grow(1)
  log.receive(one.slice(5001, 5001))
  expect(seqs(log)).toEqual(range(851, 1150))
  expect(log.end).toBe(5001)
  await log.toEnd()
  expect(seqs(log).at(-1)).toBe(5001)
})

test('a mission without a stream of its own is followed by its summaries', async () => {
  const one = server(10)
  const log = new MissionLog('m', one.load)
  await log.open(10)
  one.grow(5)
  log.summary({ last_seq: 15 } as Mission)
  await vi.waitFor(() => expect(seqs(log)).toEqual(range(1, 15)))
})

test('only the entry that changed is rendered again', async () => {
  const one = server(3)
  const log = new MissionLog('m', one.load)
  await log.open(3)
  const [first, second] = log.items
  if (!first || !second) throw new Error('no entries')
  const rendered: string[] = []
  log.subscribeRow(first, () => rendered.push('first'))
  log.subscribeRow(second, () => rendered.push('second'))
  const version = log.version
  log.receive([{ ...one.slice(3, 3)[0], seq: 4, body: { id: '2', role: 'agent', text: 'y' } } as Event])
  expect(rendered).toEqual(['second'])
  expect(log.version).toBe(version)
})

test('a log that goes on for days keeps its end, and all of it for a reader who is elsewhere', async () => {
  const one = server(0)
  const log = new MissionLog('m', one.load)
  await log.open(0)
  const come = async (from: number, to: number) => {
    one.grow(to - from + 1)
    log.receive(one.slice(from, to))
    await vi.waitFor(() => expect(log.last).toBe(to))
  }
  await come(1, 6000)
  await vi.waitFor(() => expect(seqs(log)).toEqual(range(5701, 6000)))
  await come(6001, 6001)
  expect(seqs(log)).toEqual(range(5701, 6001))

  log.pinned = false
  await come(6002, 12_000)
  expect(seqs(log)).toEqual(range(5701, 12_000))
})

test('what cannot be loaded is told, and can be tried again', async () => {
  const one = server(3)
  let broken = true
  const log = new MissionLog('m', async (...wanted) => {
    if (broken) throw new Error('no network')
    return one.load(...wanted)
  })
  await log.open(3)
  expect(log.error).toBeInstanceOf(Error)
  broken = false
  await log.open(3)
  expect([log.error, seqs(log)]).toEqual([undefined, [1, 2, 3]])
})
