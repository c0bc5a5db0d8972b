import { expect, test } from 'vitest'
import { events, MIXED } from './events.fixture'
import { Fold } from './fold'
import type { Item } from './items'

/** What a reader would see of entries; how often each was changed is none of it. */
function seen(items: readonly Item[]): unknown {
  return items.map(({ revision: _, ...item }) =>
    item.kind === 'tool' ? { ...item, children: seen(item.children) } : item,
  )
}

function folded(...pages: (typeof MIXED)[]) {
  const fold = new Fold()
  for (const page of pages) fold.push(page)
  return fold
}

test('what comes in parts is put together', () => {
  const { items } = folded(MIXED)
  expect(items.map(item => item.key)).toEqual([
    'message:p',
    'thought:t',
    'message:a',
    'tool:c',
    'tool:sub',
    'ask:k',
    'plan:1',
    'event:20',
    'turn:1',
  ])
  expect(items[2]).toMatchObject({ kind: 'message', text: 'I look.' })
  expect(items[3]).toMatchObject({
    status: 'failed',
    exitCode: 2,
    output: [
      { stderr: false, text: 'one\n' },
      { stderr: true, text: 'oh\n' },
      { stderr: false, text: 'two\n' },
    ],
  })
  expect(items[4]).toMatchObject({ children: [{ key: 'tool:in' }, { key: 'message:s' }] })
  expect(items[5]).toMatchObject({ approval: { status: 'approved' } })
  expect(items[7]).toMatchObject({ files: [{ path: 'a.txt' }, { path: 'b.txt' }] })
  expect(items[8]).toMatchObject({ outcome: 'completed', files: 2 })
})

test('the same is seen wherever the log was cut, and whichever part came first', () => {
  const whole = seen(folded(MIXED).items)
  for (let cut = 1; cut < MIXED.length; cut += 1) {
    const [early, late] = [MIXED.slice(0, cut), MIXED.slice(cut)]
    expect(seen(folded(early, late).items), `in order, cut at ${cut}`).toEqual(whole)
  }
})

test('nothing is lost or doubled when an earlier part comes later', () => {
  const keys = (items: readonly Item[]): string[] =>
    items.flatMap(item => [item.key, ...(item.kind === 'tool' ? keys(item.children) : [])])
  const whole = folded(MIXED)
  for (let cut = 1; cut < MIXED.length; cut += 1) {
    const fold = folded(MIXED.slice(cut))
    fold.prepend(folded(MIXED.slice(0, cut)))
    // Files of one turn that were cut apart stay apart.
    const expected = cut === 20 ? [...keys(whole.items), 'event:21'] : keys(whole.items)
    expect(keys(fold.items).sort(), `cut at ${cut}`).toEqual(expected.sort())
    expect(fold.find('message:a'), `cut at ${cut}`).toMatchObject({ text: 'I look.' })
    expect(fold.find('tool:c'), `cut at ${cut}`).toMatchObject({
      status: 'failed',
      title: 'ls',
      partial: false,
    })
    expect(fold.find('turn:1'), `cut at ${cut}`).toMatchObject({ began: MIXED[1]?.at })
  }
})

test('an output without end keeps its end, and says how much is left out', () => {
  const fold = new Fold()
  const piece = 'x'.repeat(60_000)
  const body = { id: 'c', stream: 'stdout', text: piece }
  fold.push(events(...Array.from({ length: 30 }, () => ['tool_output', body] as [string, unknown])))
  const item = fold.items[0]
  if (item?.kind !== 'tool') throw new Error('no tool')
  const kept = item.output.reduce((sum, part) => sum + part.text.length, 0)
  expect(kept).toBeLessThanOrEqual(512 * 1024)
  expect(kept + item.omitted).toBe(30 * 60_000)
})

test('what was under way when a turn ended goes on no longer', () => {
  const fold = new Fold()
  fold.push(
    events(
      ['tool_call', { id: 'c', title: 'sleep', tool_kind: 'execute', status: 'running', input: {} }],
      ['turn_ended', { outcome: 'interrupted', reason: 'a person' }],
    ),
  )
  expect(fold.items[0]).toMatchObject({ status: 'running', ended: expect.any(String) })
})
