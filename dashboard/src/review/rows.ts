import type { FileChange } from '../api/schema'
import { type Place, placesOf } from '../highlight/hunks'
import { languageOf } from '../highlight/languages'
import { type DiffLine, diffLines } from '../transcript/hunks'
import { type Comment, type Span, standing } from './comments'
import { foldedBecause } from './folded'

/** A changed file with the lines of its diff. */
export interface ReviewFile {
  change: FileChange
  path: string
  /** Why it is folded until somebody opens it. */
  folded?: string
  lines: readonly DiffLine[]
  /** Where the colours of its lines are. */
  places: ReadonlyMap<DiffLine, Place>
}

/** A row of a review. `key` names it as long as the diff is the same. */
export type Row =
  | { kind: 'file'; key: string; file: ReviewFile; open: boolean }
  | { kind: 'folded'; key: string; file: ReviewFile; why: string }
  | { kind: 'hunk'; key: string; file: ReviewFile; text: string }
  | LineRow
  | { kind: 'comment'; key: string; file: ReviewFile; comment: Comment; changed: boolean }
  | { kind: 'editor'; key: string; file: ReviewFile; span: Span }

/** A line before, after, or both. Side by side these are two columns; else a row has one of them, or the same line as both. */
export interface LineRow {
  kind: 'line' | 'note'
  key: string
  file: ReviewFile
  before?: DiffLine
  after?: DiffLine
}

const parsed = new WeakMap<FileChange, ReviewFile>()

/** Reads a change once, however often it is shown. */
export function readFile(change: FileChange): ReviewFile {
  const known = parsed.get(change)
  if (known) return known
  const folded = foldedBecause(change)
  let lines: readonly DiffLine[] | undefined
  let places: ReadonlyMap<DiffLine, Place> | undefined
  const file: ReviewFile = {
    change,
    path: change.path,
    folded,
    // What is folded is not read before somebody opens it.
    get lines() {
      lines ??= change.diff ? diffLines(change.diff) : []
      return lines
    },
    get places() {
      places ??= placesOf(file.lines, languageOf(change.path))
      return places
    },
  }
  parsed.set(change, file)
  return file
}

export interface Shown {
  /** Files that stand otherwise than by themselves: open where they would be folded, and the other way round. */
  flipped: ReadonlySet<string>
  split: boolean
  comments: readonly Comment[]
  /** Where a comment is being written. */
  writing?: Span
}

export const isOpen = (file: ReviewFile, flipped: ReadonlySet<string>) =>
  flipped.has(file.path) === (file.folded !== undefined)

/** All rows of the files, in order. */
export function rowsOf(files: readonly ReviewFile[], shown: Shown): Row[] {
  const rows: Row[] = []
  for (const file of files) {
    const { path } = file
    const open = isOpen(file, shown.flipped)
    rows.push({ kind: 'file', key: `f ${path}`, file, open })
    const comments = shown.comments.filter(comment => comment.path === path)
    if (!open || file.lines.length === 0) {
      if (file.folded) rows.push({ kind: 'folded', key: `w ${path}`, file, why: file.folded })
      for (const comment of comments)
        rows.push({ kind: 'comment', key: `c ${comment.id}`, file, comment, changed: false })
      continue
    }
    const after = new Map<string, Comment[]>()
    for (const comment of comments) {
      const place = standing(comment, file.lines)
      if (place === 'here') {
        const at = `${comment.side} ${comment.to}`
        after.set(at, [...(after.get(at) ?? []), comment])
      } else rows.push({ kind: 'comment', key: `c ${comment.id}`, file, comment, changed: true })
    }
    const writing = shown.writing?.path === path ? shown.writing : undefined
    for (const row of shown.split ? splitRows(file) : unifiedRows(file)) {
      rows.push(row)
      if (row.kind !== 'line') continue
      for (const at of [row.before && `before ${row.before.old}`, row.after && `after ${row.after.new}`]) {
        for (const comment of (at && after.get(at)) || [])
          rows.push({ kind: 'comment', key: `c ${comment.id}`, file, comment, changed: false })
        if (writing && at === `${writing.side} ${writing.to}`)
          rows.push({ kind: 'editor', key: `e ${at} ${path}`, file, span: writing })
      }
    }
  }
  return rows
}

function* unifiedRows(file: ReviewFile): Generator<Row> {
  for (const [index, line] of file.lines.entries()) {
    const key = `l ${index} ${file.path}`
    if (line.kind === 'hunk') yield { kind: 'hunk', key, file, text: line.text }
    else if (line.kind === 'note') yield { kind: 'note', key, file, before: line, after: line }
    else
      yield {
        kind: 'line',
        key,
        file,
        before: line.kind === 'add' ? undefined : line,
        after: line.kind === 'del' ? undefined : line,
      }
  }
}

/** Puts what was removed beside what came in its place. */
function* splitRows(file: ReviewFile): Generator<Row> {
  const { lines } = file
  let index = 0
  while (index < lines.length) {
    const line = lines[index] as DiffLine
    const key = `l ${index} ${file.path}`
    if (line.kind === 'hunk') yield { kind: 'hunk', key, file, text: line.text }
    else if (line.kind === 'note') yield { kind: 'note', key, file, before: line, after: line }
    else if (line.kind === 'same') yield { kind: 'line', key, file, before: line, after: line }
    else {
      const removed: DiffLine[] = []
      const added: DiffLine[] = []
      let end = index
      for (; lines[end]?.kind === 'del' || lines[end]?.kind === 'note'; end += 1)
        if (lines[end]?.kind === 'del') removed.push(lines[end] as DiffLine)
      for (; lines[end]?.kind === 'add'; end += 1) added.push(lines[end] as DiffLine)
      for (let at = 0; at < Math.max(removed.length, added.length); at += 1)
        yield {
          kind: 'line',
          key: `l ${index + at} ${file.path}`,
          file,
          before: removed[at],
          after: added[at],
        }
      index = end
      continue
    }
    index += 1
  }
}

/** Whether a line was added or removed. */
export const isChange = (row: Row | undefined): row is LineRow =>
  row?.kind === 'line' && (row.before?.kind === 'del' || row.after?.kind === 'add')

/** The rows where something changed begins. */
export function changesOf(rows: readonly Row[]): number[] {
  return rows.flatMap((row, index) => (isChange(row) && !isChange(rows[index - 1]) ? [index] : []))
}
