import { expect, test, vi } from 'vitest'
import { type Asked, type Coloured, Highlighter, source, type WorkerLike } from './client'
import type { Language } from './languages'

/** A worker that answers when it is told to. */
class Worker implements WorkerLike {
  static all: Worker[] = []
  asked: Asked[] = []
  ended = false
  onmessage: WorkerLike['onmessage'] = null
  onerror: WorkerLike['onerror'] = null
  constructor() {
    Worker.all.push(this)
  }
  postMessage(message: Asked) {
    this.asked.push(message)
  }
  terminate() {
    this.ended = true
  }
  answer() {
    const { id, text } = this.asked.at(-1) as Asked
    this.onmessage?.({ data: { id, lines: [[[text]]] } } as unknown as MessageEvent<Coloured>)
  }
}

const made = (text: string, language: Language = 'rust') => {
  const made = source(text, language)
  if (!made) throw new Error('it cannot be coloured')
  return made
}

function begun(within?: number) {
  Worker.all = []
  return new Highlighter(() => new Worker(), within)
}

test('no worker is started before something is to be coloured, and one text is with it at a time', () => {
  const highlighter = begun()
  expect(Worker.all).toHaveLength(0)
  const done: string[] = []
  for (const text of ['a', 'b', 'c']) highlighter.want(made(text), () => done.push(text))
  const [worker] = Worker.all
  expect(worker?.asked.map(({ text }) => text)).toEqual(['a'])
  worker?.answer()
  worker?.answer()
  worker?.answer()
  // What was wanted last is what is looked at.
  expect(done).toEqual(['a', 'c', 'b'])
  expect(highlighter.lines(made('b'))).toEqual([[['b']]])
})

test('what nobody waits for any more is not begun, and what is known is not asked again', () => {
  const highlighter = begun()
  highlighter.want(made('a'), () => {})
  highlighter.want(made('b'), () => {})()
  const [worker] = Worker.all
  worker?.answer()
  expect(worker?.asked).toHaveLength(1)
  highlighter.want(made('a'), () => {})
  expect(worker?.asked).toHaveLength(1)
})

test('a text that takes too long stays plain, its worker is ended, and the next text has another', () => {
  vi.useFakeTimers()
  const highlighter = begun(1000)
  const done = vi.fn()
  highlighter.want(made('catastrophe'), done)
  highlighter.want(made('next'), () => {})
  vi.advanceTimersByTime(1000)
  expect(done).toHaveBeenCalledOnce()
  expect(highlighter.lines(made('catastrophe'))).toBeUndefined()
  expect(Worker.all.map(({ ended }) => ended)).toEqual([true, false])
  expect(Worker.all[1]?.asked.map(({ text }) => text)).toEqual(['next'])
  vi.useRealTimers()
})

test('what came back is forgotten beyond a bound, the oldest first', () => {
  const highlighter = begun()
  const texts = Array.from({ length: 20 }, (_, index) => `${index}${'\nx'.repeat(29_000)}`)
  for (const text of texts) {
    highlighter.want(made(text), () => {})
    Worker.all[0]?.answer()
  }
  expect(highlighter.lines(made(texts[0] ?? ''))).toBeUndefined()
  expect(highlighter.lines(made(texts[19] ?? ''))).toBeDefined()
})

test('long text, long lines and unknown languages stay plain', () => {
  expect(source('x\n'.repeat(40_000), 'rust')).toBeUndefined()
  expect(source('x'.repeat(6000), 'rust')).toBeUndefined()
  expect(source('x', undefined)).toBeUndefined()
  expect(source('', 'rust')).toBeUndefined()
})
