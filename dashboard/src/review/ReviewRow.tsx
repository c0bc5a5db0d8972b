import { ChevronRight } from 'lucide-react'
import { memo } from 'react'
import type { FileChange } from '../api/schema'
import { DiffCode } from '../highlight/DiffCode'
import type { DiffLine } from '../transcript/hunks'
import { visible } from '../transcript/visible'
import { count } from '../ui/format'
import { CommentCard, CommentEditor } from './CommentCard'
import type { Comment } from './comments'
import type { LineRow, ReviewFile, Row } from './rows'

/** A longer line is cut: it is no line that somebody wrote. */
const LONGEST = 4000

export interface RowActions {
  toggle: (path: string) => void
  edit: (comment: Comment) => void
  remove: (comment: Comment) => void
  save: () => void
  discard: () => void
  text: (text: string) => void
}

interface Props {
  row: Row
  index: number
  split: boolean
  /** Whether the keyboard is here, and whether it is among the selected rows. */
  now: boolean
  selected: boolean
  /** The text of the comment that is being written, where this is its row. */
  writing?: string
  act: RowActions
}

/** One row of a review. */
export const ReviewRow = memo(function ReviewRow(props: Props) {
  const { row, now, selected } = props
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot have rows that are not there
    <div
      role="row"
      data-row={props.index}
      data-key={row.key}
      aria-rowindex={props.index + 1}
      tabIndex={-1}
      className={`rv-row rv-${row.kind} ${now ? 'now' : ''} ${selected ? 'selected' : ''}`}
    >
      <Cells {...props} />
    </div>
  )
})

function Cells({ row, split, writing, act }: Props) {
  switch (row.kind) {
    case 'file':
      return (
        <Cell>
          <button
            type="button"
            className="fold"
            aria-expanded={row.open}
            onClick={() => act.toggle(row.file.path)}
          >
            <ChevronRight className="icon chevron" aria-hidden />
            <FileTitle change={row.file.change} />
          </button>
        </Cell>
      )
    case 'folded':
      return <Cell className="dim">{row.why}</Cell>
    case 'hunk':
      return <Cell className="dim">⋯ {visible(row.text.slice(0, LONGEST))}</Cell>
    case 'note':
      return <Cell className="dim">{row.after?.text}</Cell>
    case 'line':
      return split ? <TwoColumns row={row} /> : <OneColumn row={row} />
    case 'comment':
      return (
        <Cell>
          <CommentCard
            comment={row.comment}
            changed={row.changed}
            onEdit={() => act.edit(row.comment)}
            onRemove={() => act.remove(row.comment)}
          />
        </Cell>
      )
    case 'editor':
      return (
        <Cell>
          <CommentEditor
            span={row.span}
            text={writing ?? ''}
            onText={act.text}
            onSave={act.save}
            onDiscard={act.discard}
          />
        </Cell>
      )
  }
}

function Cell(props: {
  className?: string
  side?: 'before' | 'after'
  /** The number of a line that is no more, where there is no room for a column of such. */
  old?: number
  children?: React.ReactNode
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot have rows that are not there
    // biome-ignore lint/a11y/useFocusableInteractive: the row has the focus
    <div role="gridcell" className={props.className} data-side={props.side} data-old={props.old}>
      {props.children}
    </div>
  )
}

const NOTES = { created: 'new', modified: '', deleted: 'deleted' }

/** The name of a file with what was done to it. */
export function FileTitle({ change }: { change: FileChange }) {
  const { added_lines: added, removed_lines: removed } = change
  return (
    <>
      <code className="cut grow">
        <bdi dir="ltr">{visible(change.path)}</bdi>
      </code>
      {NOTES[change.change] && <span className="dim">{NOTES[change.change]}</span>}
      {added !== null && added !== undefined && (
        <span className="num">
          <span className="plus">+{count(added)}</span> <span className="minus">−{count(removed ?? 0)}</span>
        </span>
      )}
    </>
  )
}

function OneColumn({ row }: { row: LineRow }) {
  const { before, after } = row
  const line = after ?? before
  if (!line) return null
  return (
    <>
      <Cell className="rv-number" side="before">
        {before?.old}
      </Cell>
      <Cell className="rv-number" side="after" old={after ? undefined : before?.old}>
        {after?.new}
      </Cell>
      <Code file={row.file} line={line} />
    </>
  )
}

function TwoColumns({ row }: { row: LineRow }) {
  return (
    <>
      <Cell className="rv-number" side="before">
        {row.before?.old}
      </Cell>
      <Code file={row.file} line={row.before} />
      <Cell className="rv-number" side="after">
        {row.after?.new}
      </Cell>
      <Code file={row.file} line={row.after} />
    </>
  )
}

const SIGNS = { add: '+', del: '−', same: ' ', hunk: ' ', note: ' ' }

function Code({ file, line }: { file: ReviewFile; line?: DiffLine }) {
  if (!line) return <Cell className="rv-code none" />
  return (
    <Cell className={`rv-code ${line.kind}`}>
      <span className="rv-sign">{SIGNS[line.kind]}</span>
      {line.text.length > LONGEST ? (
        <>
          {visible(line.text.slice(0, LONGEST))}
          <span className="dim"> … {count(line.text.length - LONGEST)} more characters</span>
        </>
      ) : (
        <DiffCode text={line.text} place={file.places.get(line)} />
      )}
    </Cell>
  )
}
