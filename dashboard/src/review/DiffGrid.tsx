import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { shown as keysOf, useKeys } from '../shell/keys'
import { tell } from '../shell/toasts'
import { type RowsHandle, VirtualRows } from '../ui/VirtualRows'
import { placeOf, type Side } from './comments'
import type { useReviewDraft } from './draft'
import { guessed } from './layout'
import { FileTitle, ReviewRow, type RowActions } from './ReviewRow'
import { type ReviewFile, type Row, rowsOf } from './rows'
import { isWithin, rowOf, selected } from './selection'
import { useCursor } from './useCursor'

/** The lines of all files, as a grid that keys move in. */
export function DiffGrid(props: {
  files: readonly ReviewFile[]
  draft: ReturnType<typeof useReviewDraft>
  turn?: number
  split: boolean
  width: number
  /** The file that is to be shown. */
  to?: { path: string }
  /** Whether there is somebody to whom comments can be sent. */
  commented: boolean
}) {
  const { files, draft, split, width, commented } = props
  const { comments, writing } = draft
  const [flipped, setFlipped] = useState<ReadonlySet<string>>(new Set())
  const { path, side, from, to } = writing ?? {}
  const rows = useMemo(() => {
    const span =
      path !== undefined && side !== undefined && from !== undefined && to !== undefined
        ? { path, side, from, to }
        : undefined
    return rowsOf(files, { flipped, split, comments, writing: span })
  }, [files, flipped, split, comments, path, side, from, to])
  const list = useRef<RowsHandle>(null)
  const frame = useRef<HTMLDivElement>(null)
  const cursor = useCursor(rows, list)
  const pointed = useRef<{ row: number; side?: Side; moved: boolean }>(undefined)

  const toggle = (path: string) =>
    setFlipped(before => {
      const after = new Set(before)
      if (!after.delete(path)) after.add(path)
      return after
    })
  const begin = (from: number, to: number, side?: Side) => {
    // Before anything is written, another number only moves the end of what the comment is about.
    const empty = writing && !writing.id && writing.text.trim() === '' ? writing : undefined
    const start = from === to && empty && (side ?? empty.side) === empty.side ? rowOf(empty, rows) : -1
    const found = selected(rows, start >= 0 && rows[start]?.file === rows[to]?.file ? start : from, to, side)
    cursor.select(undefined)
    cursor.wanted.current = undefined
    if (!found || !commented) return
    if (draft.full) return tell('There are 200 comments already: send them first.')
    // What is being written elsewhere is a comment as well.
    if (writing && writing.text.trim() !== '') draft.keep(props.turn)
    draft.write({ ...found, text: '' })
  }
  const remark = () => {
    if (cursor.row >= 0) begin(cursor.from >= 0 ? cursor.from : cursor.row, cursor.row)
  }
  useKeys({
    down: () => cursor.step(1),
    up: () => cursor.step(-1),
    select: () => cursor.select(cursor.from >= 0 ? undefined : cursor.row),
    nextChange: () => cursor.toChange(1),
    previousChange: () => cursor.toChange(-1),
    nextFile: () => cursor.toFile(1),
    previousFile: () => cursor.toFile(-1),
    remark,
  })

  const { back } = cursor
  const latest = useRef({ toggle, draft, back, turn: props.turn })
  useEffect(() => {
    latest.current = { toggle, draft, back, turn: props.turn }
  })
  const act: RowActions = useMemo(
    () => ({
      toggle: path => latest.current.toggle(path),
      edit: ({ turn: _, ...comment }) => latest.current.draft.write(comment),
      remove: ({ id }) => latest.current.draft.remove(id),
      save: () => {
        latest.current.back()
        latest.current.draft.keep(latest.current.turn)
      },
      discard: () => {
        latest.current.back()
        latest.current.draft.write(undefined)
      },
      text: text => {
        const { draft } = latest.current
        if (draft.writing) draft.write({ ...draft.writing, text })
      },
    }),
    [],
  )

  const wanted = props.to
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when another file is wanted
  useEffect(() => {
    const index = rows.findIndex(row => row.kind === 'file' && row.file.path === wanted?.path)
    if (index >= 0) cursor.go(index, 'start')
  }, [wanted])
  // The row is there once the list has been scrolled to it.
  useLayoutEffect(() => {
    const key = cursor.wanted.current
    if (key === undefined) return
    const row = frame.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)
    if (!row) return
    cursor.wanted.current = undefined
    row.focus({ preventScroll: true })
  })

  const place = (target: EventTarget) => {
    const cell = target instanceof Element ? target.closest<HTMLElement>('[data-side]') : null
    const row = target instanceof Element ? target.closest<HTMLElement>('[data-row]') : null
    return { row: Number(row?.dataset.row ?? -1), side: cell?.dataset.side as Side | undefined }
  }
  const marked = (row: Row, index: number) => {
    if (writing) return isWithin(writing, row)
    const { from, row: to } = cursor
    return from >= 0 && to >= 0 && index >= Math.min(from, to) && index <= Math.max(from, to)
  }
  const here =
    cursor.row >= 0 ? selected(rows, cursor.from >= 0 ? cursor.from : cursor.row, cursor.row) : undefined
  return (
    <div ref={frame} className="rv-grid-frame">
      <VirtualRows<Row>
        ref={list}
        rows={rows}
        layout={`${split} ${width}`}
        guess={row => guessed(row, width, split)}
        headHeight={34}
        head={row =>
          row && row.kind !== 'file' ? (
            <div className="rv-head" aria-hidden>
              <FileTitle change={row.file.change} />
            </div>
          ) : (
            <div className="rv-head none" aria-hidden />
          )
        }
        attributes={{
          role: 'grid',
          className: split ? 'rv-grid split' : 'rv-grid',
          'aria-label': 'Changed lines',
          'aria-rowcount': rows.length,
          tabIndex: 0,
          onPointerDown: event => {
            const { row, side } = place(event.target)
            if (event.button !== 0 || row < 0 || rows[row]?.kind !== 'line') return
            cursor.point(row)
            if (!side || !commented) return
            // A drag over numbers selects lines, not text.
            event.preventDefault()
            pointed.current = { row, side, moved: false }
            cursor.select(row)
          },
          onPointerMove: event => {
            if (!pointed.current || event.buttons === 0) return
            const { row } = place(event.target)
            if (row >= 0 && rows[row]?.kind === 'line') cursor.point(row)
          },
          onPointerUp: event => {
            const began = pointed.current
            pointed.current = undefined
            const { row } = place(event.target)
            if (began && row >= 0) begin(began.row, row, began.side)
          },
          onKeyDown: event => {
            const onRow = event.target instanceof HTMLElement && event.target.getAttribute('role')
            if (onRow !== 'row' && onRow !== 'grid') return
            if (event.key === 'ArrowDown') cursor.step(1)
            else if (event.key === 'ArrowUp') cursor.step(-1)
            else if (event.key === 'Enter') {
              const row = rows[cursor.row]
              if (row?.kind === 'file') toggle(row.file.path)
              else remark()
            } else return
            event.preventDefault()
          },
        }}
        row={(row, index) => (
          <ReviewRow
            key={row.key}
            row={row}
            index={index}
            split={split}
            now={index === cursor.row}
            selected={marked(row, index)}
            writing={row.kind === 'editor' ? (writing?.text ?? '') : undefined}
            act={act}
          />
        )}
      />
      {commented && here && !writing && rows[cursor.row + 1]?.kind !== 'comment' && (
        <button type="button" className="button small rv-remark" onClick={remark}>
          Comment on {placeOf(here)} <kbd>{keysOf('remark')}</kbd>
        </button>
      )}
    </div>
  )
}
