import { expect, test } from 'vitest'
import { type Row, readFile, rowsOf } from './rows'
import { isWithin, rowOf, selected } from './selection'

const diff = '@@ -1,3 +1,3 @@\n same\n-old one\n-old two\n+new one\n last\n'
const file = (path: string) =>
  readFile({ path, diff, change: 'modified', size: 1, added_lines: 1, removed_lines: 2 })
const FILES = [file('a.rs'), file('b.rs')]
const shown = { flipped: new Set<string>(), comments: [] }
const ONE = rowsOf(FILES, { ...shown, split: false })
const TWO = rowsOf(FILES, { ...shown, split: true })

const at = (rows: readonly Row[], text: string) =>
  rows.findIndex(row => row.kind === 'line' && (row.before?.text === text || row.after?.text === text))

test('what is selected is told by the lines as they are, and quotes what was removed among them', () => {
  expect(selected(ONE, at(ONE, 'old two'), at(ONE, 'new one'))).toEqual({
    path: 'a.rs',
    side: 'after',
    from: 2,
    to: 2,
    code: '-old two\n+new one',
  })
})

test('removed lines alone are told by their old numbers, in whichever order they were selected', () => {
  const wanted = { path: 'a.rs', side: 'before', from: 2, to: 3, code: '-old one\n-old two' }
  expect(selected(ONE, at(ONE, 'old one'), at(ONE, 'old two'))).toEqual(wanted)
  expect(selected(ONE, at(ONE, 'old two'), at(ONE, 'old one'))).toEqual(wanted)
})

test('side by side the side that was pointed at counts', () => {
  const row = at(TWO, 'old one')
  expect(selected(TWO, row, row, 'before')).toMatchObject({ side: 'before', from: 2, code: '-old one' })
  expect(selected(TWO, row, row, 'after')).toMatchObject({ side: 'after', from: 2, code: '+new one' })
})

test('a selection ends with its file, and there is none without lines', () => {
  const last = ONE.findLastIndex(row => row.kind === 'line' && row.file.path === 'b.rs')
  expect(selected(ONE, 0, last)).toMatchObject({ path: 'b.rs', from: 1, to: 3 })
  expect(selected(ONE, 0, 0)).toBeUndefined()
})

test('a comment is found again where it begins', () => {
  expect(rowOf({ path: 'a.rs', side: 'after', from: 2, to: 3 }, ONE)).toBe(at(ONE, 'new one'))
  expect(rowOf({ path: 'c.rs', side: 'after', from: 2, to: 3 }, ONE)).toBe(-1)
})

test('the lines of a comment that is being written are known', () => {
  const span = { path: 'a.rs', side: 'after', from: 2, to: 3 } as const
  expect(ONE.filter(row => isWithin(span, row)).map(row => row.key)).toEqual(['l 4 a.rs', 'l 5 a.rs'])
})
