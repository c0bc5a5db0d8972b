import type { DiffLine } from '../transcript/hunks'
import { numberOf, type Side, type Span } from './comments'
import type { LineRow, Row } from './rows'

const SIGNS = { same: ' ', add: '+', del: '-', hunk: '', note: '' }

/** What is selected of a diff: the lines that a comment is about. `from` and `to` are rows, in any order; they end at the first
 * row of another file. `wanted` is the side that was pointed at. */
export function selected(
  rows: readonly Row[],
  from: number,
  to: number,
  wanted?: Side,
): (Span & { code: string }) | undefined {
  const [start, end] = from <= to ? [from, to] : [to, from]
  const last = rows[to]
  if (last?.kind !== 'line') return undefined
  const lines = rows
    .slice(start, end + 1)
    .filter((row): row is LineRow => row.kind === 'line' && row.file === last.file)
  const chosen = new Set<DiffLine>()
  for (const { before, after } of lines) {
    if (before && (wanted !== 'after' || !after)) chosen.add(before)
    if (after && (wanted !== 'before' || !before)) chosen.add(after)
  }
  const numbers = (side: Side) =>
    [...chosen].flatMap(line => (side === 'before' ? line.kind !== 'add' && line.old : line.new) || [])
  const after = numbers('after')
  const before = numbers('before')
  const side: Side =
    wanted === 'before' && before.length > 0 ? 'before' : after.length > 0 ? 'after' : 'before'
  const found = side === 'after' ? after : before
  if (found.length === 0) return undefined
  const code = last.file.lines.filter(line => chosen.has(line)).map(line => `${SIGNS[line.kind]}${line.text}`)
  return {
    path: last.file.path,
    side,
    from: Math.min(...found),
    to: Math.max(...found),
    code: code.join('\n'),
  }
}

/** The row in which a span begins; -1 where it is not shown. */
export const rowOf = ({ path, side, from }: Span, rows: readonly Row[]): number =>
  rows.findIndex(row => {
    const line = row.kind === 'line' && row.file.path === path ? row[side] : undefined
    return line !== undefined && numberOf(line, side) === from
  })

/** Whether a row is among the lines of a span. */
export function isWithin({ path, side, from, to }: Span, row: Row): boolean {
  if (row.kind !== 'line' || row.file.path !== path) return false
  const line = row[side]
  const number = line && numberOf(line, side)
  return number !== undefined && number >= from && number <= to
}
