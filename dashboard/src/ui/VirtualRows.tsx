import {
  type ReactNode,
  type Ref,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from 'react'
import { Heights } from '../transcript/heights'

/** What is rendered beyond the view, in pixels. */
const OVERSCAN = 600

export interface RowsHandle {
  /** Brings a row into the view, where it is not: `start` puts it at the top. */
  toRow(row: number, where: 'start' | 'nearest'): void
}

/** Rows of any number and height, of which only those near the view are rendered. What is looked at stays where it is when
 * rows above it turn out to be higher or lower. */
export function VirtualRows<T extends { key: string }>(props: {
  rows: readonly T[]
  /** What a row is taken to be high before it was measured, in pixels. */
  guess: (row: T) => number
  /** Renders a row as an element that takes `data-row`. */
  row: (row: T, index: number) => ReactNode
  /** What stays at the top of the view; told of the first row there. */
  head?: (row: T | undefined) => ReactNode
  /** Pixels that `head` covers. */
  headHeight?: number
  attributes: React.HTMLAttributes<HTMLDivElement> & { 'aria-rowcount'?: number }
  /** Changes when all heights do: another width, another layout. */
  layout: string
  ref?: Ref<RowsHandle>
}) {
  const { rows, guess, layout, headHeight = 0 } = props
  const view = useRef<HTMLDivElement>(null)
  const block = useRef<HTMLDivElement>(null)
  const measured = useRef({ layout, heights: new Map<string, number>() })
  const [, render] = useReducer((count: number) => count + 1, 0)
  const [range, setRange] = useState({ top: 0, view: 600 })
  const heights = useMemo(() => {
    if (measured.current.layout !== layout) measured.current = { layout, heights: new Map() }
    const known = measured.current.heights
    return new Heights(rows.map(row => known.get(row.key) ?? guess(row)))
  }, [rows, guess, layout])

  // The row at the top of the view, so that other rows do not move it.
  const anchor = useRef<{ key: string; within: number }>(undefined)
  const remember = (top: number) => {
    const row = heights.rowAt(top)
    anchor.current = rows[row] && { key: rows[row].key, within: top - heights.offset(row) }
  }
  const scrollTo = (top: number) => {
    const element = view.current
    if (!element) return
    element.scrollTop = top
    remember(element.scrollTop)
    setRange({ top: element.scrollTop, view: element.clientHeight })
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: only other rows move what is looked at
  useLayoutEffect(() => {
    const element = view.current
    const at = anchor.current
    if (!element || !at || element.scrollTop === 0) return
    const row = rows.findIndex(({ key }) => key === at.key)
    if (row >= 0) scrollTo(heights.offset(row) + at.within)
  }, [heights])

  useLayoutEffect(() => {
    const element = view.current
    const rendered = block.current
    if (!element || !rendered) return
    const observer = new ResizeObserver(entries => {
      let above = 0
      let grown = false
      for (const { target } of entries) {
        if (!(target instanceof HTMLElement)) continue
        if (target === element) {
          setRange({ top: element.scrollTop, view: element.clientHeight })
          continue
        }
        const row = Number(target.dataset.row)
        if (rows[row]?.key !== target.dataset.key) continue
        const height = target.offsetHeight
        const before = heights.offset(row + 1) <= element.scrollTop
        measured.current.heights.set(target.dataset.key ?? '', height)
        const by = heights.set(row, height)
        if (by !== 0) grown = true
        if (before) above += by
      }
      if (above !== 0) element.scrollTop += above
      if (grown) render()
    })
    observer.observe(element)
    for (const row of rendered.children) observer.observe(row)
    const children = new MutationObserver(records => {
      for (const record of records) {
        for (const node of record.addedNodes) if (node instanceof Element) observer.observe(node)
        for (const node of record.removedNodes) if (node instanceof Element) observer.unobserve(node)
      }
    })
    children.observe(rendered, { childList: true })
    return () => {
      observer.disconnect()
      children.disconnect()
    }
  }, [heights, rows])

  useImperativeHandle(props.ref, () => ({
    toRow(row, where) {
      const element = view.current
      if (!element) return
      const top = heights.offset(row) - headHeight
      const bottom = heights.offset(row + 1)
      if (where === 'start') scrollTo(top)
      else if (top < element.scrollTop) scrollTo(top - element.clientHeight / 4)
      else if (bottom > element.scrollTop + element.clientHeight)
        scrollTo(bottom - (element.clientHeight * 3) / 4)
    },
  }))

  const start = heights.rowAt(range.top - OVERSCAN)
  const stop = Math.min(rows.length, heights.rowAt(range.top + range.view + OVERSCAN) + 1)
  return (
    <div
      {...props.attributes}
      ref={view}
      onScroll={event => {
        const { scrollTop, clientHeight } = event.currentTarget
        remember(scrollTop)
        setRange({ top: scrollTop, view: clientHeight })
      }}
    >
      {props.head?.(rows[heights.rowAt(range.top)])}
      <div role="presentation" style={{ blockSize: heights.total }}>
        <div role="presentation" ref={block} style={{ transform: `translateY(${heights.offset(start)}px)` }}>
          {rows.slice(start, stop).map((row, index) => props.row(row, start + index))}
        </div>
      </div>
    </div>
  )
}
