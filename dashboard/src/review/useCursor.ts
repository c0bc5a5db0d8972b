import { type RefObject, useRef, useState } from 'react'
import type { RowsHandle } from '../ui/VirtualRows'
import { changesOf, type Row } from './rows'

/** Where the keyboard is in a review, and from where on rows are selected. Rows are known by their keys, so that both stay
 * where they are when other rows come or go. */
export function useCursor(rows: readonly Row[], list: RefObject<RowsHandle | null>) {
  const [at, setAt] = useState<string>()
  const [from, setFrom] = useState<string>()
  /** The row that is to have the focus once it is rendered. */
  const wanted = useRef<string>(undefined)
  const indexOf = (key: string | undefined) =>
    key === undefined ? -1 : rows.findIndex(row => row.key === key)
  const row = indexOf(at)

  const go = (index: number, where: 'start' | 'nearest' = 'nearest') => {
    const target = rows[index]
    if (!target) return
    setAt(target.key)
    wanted.current = target.key
    list.current?.toRow(index, where)
  }
  const stops = (row: Row | undefined) => row?.kind === 'line' || row?.kind === 'file'
  const step = (by: 1 | -1) => {
    let index = row < 0 ? (by > 0 ? 0 : rows.length - 1) : row + by
    while (rows[index] && !stops(rows[index])) index += by
    go(index)
  }
  const jump = (places: readonly number[], by: 1 | -1, where: 'start' | 'nearest') => {
    const next = by > 0 ? places.find(place => place > row) : places.findLast(place => place < row)
    if (next !== undefined) go(next, where)
  }
  return {
    row,
    from: indexOf(from),
    wanted,
    go,
    step,
    toChange: (by: 1 | -1) => jump(changesOf(rows), by, 'nearest'),
    toFile: (by: 1 | -1) =>
      jump(
        rows.flatMap((row, index) => (row.kind === 'file' ? [index] : [])),
        by,
        'start',
      ),
    /** Rows between this one and the cursor are selected. */
    select: (index: number | undefined) => setFrom(index === undefined ? undefined : rows[index]?.key),
    point: (index: number) => setAt(rows[index]?.key),
    /** The keyboard goes on where it was. */
    back: () => {
      wanted.current = at
    },
  }
}
