import type { DiffLine } from '../transcript/hunks'

/** Which state of a file the numbers of lines are of. */
export type Side = 'before' | 'after'

/** Lines of a file, the first and the last with it. */
export interface Span {
  path: string
  side: Side
  from: number
  to: number
}

/** What a person says of some lines, until it is sent. */
export interface Comment extends Span {
  id: string
  /** The lines as they were when it was written, each with the sign that it had in the diff. */
  code: string
  text: string
  /** The turn whose changes were looked at; none for those of the whole mission. */
  turn?: number
}

export const numberOf = (line: DiffLine, side: Side) => (side === 'before' ? line.old : line.new)

const SIGNS = { same: ' ', add: '+', del: '-', hunk: '', note: '' }

/** The lines of a span as a diff has them: what was removed among them is quoted too. */
export function quoted(span: Span, lines: readonly DiffLine[]): string {
  const at = (number: number) => lines.findIndex(line => numberOf(line, span.side) === number)
  const first = at(span.from)
  const last = at(span.to)
  if (first < 0 || last < first) return ''
  return lines
    .slice(first, last + 1)
    .filter(line => line.kind !== 'hunk' && line.kind !== 'note')
    .map(line => `${SIGNS[line.kind]}${line.text}`)
    .join('\n')
}

/** Whether a comment is still about the lines that stand where it was written. It is never moved to others by itself. */
export function standing(comment: Comment, lines: readonly DiffLine[]): 'here' | 'changed' {
  const plain = (code: string) =>
    code
      .split('\n')
      .filter(line => line[0] !== (comment.side === 'before' ? '+' : '-'))
      .map(line => line.slice(1))
      .join('\n')
  const now = quoted(comment, lines)
  return now !== '' && plain(now) === plain(comment.code) ? 'here' : 'changed'
}

/** The lines of a span, for a person. */
export function placeOf({ side, from, to }: Span): string {
  const lines = from === to ? `line ${from}` : `lines ${from}–${to}`
  return side === 'before' ? `old ${lines}` : lines
}

/** All comments as one message to the agent. */
export function messageOf(comments: readonly Comment[]): string {
  const inOrder = [...comments].sort(
    (one, other) => one.path.localeCompare(other.path) || one.from - other.from,
  )
  const parts = inOrder.map((comment, index) => {
    const turn = comment.turn === undefined ? '' : `, after turn ${comment.turn}`
    const fence = '`'.repeat(Math.max(3, ...[...comment.code.matchAll(/`+/g)].map(run => run[0].length + 1)))
    return [
      `${index + 1}. ${comment.path}, ${placeOf(comment)}${turn}`,
      '',
      `${fence}diff`,
      comment.code,
      fence,
      '',
      comment.text.trim(),
    ].join('\n')
  })
  const head =
    comments.length === 1 ? 'A comment on your changes:' : `${comments.length} comments on your changes:`
  return [head, ...parts].join('\n\n')
}
