import {
  type ReactNode,
  type Ref,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useReducer,
  useRef,
  useState,
} from 'react'
import { Heights } from './heights'
import type { Item } from './items'
import { Pin } from './pin'

/** What is rendered beyond the view, in pixels. */
const OVERSCAN = 800
/** What a row is taken to be high before it was measured. */
const GUESS = 44

export interface LogHandle {
  toEnd(): void
  toRow(row: number): void
  /** The first row in the view. */
  firstRow(): number
}

/** A list of any length of which only what is near the view is rendered. It keeps to its end where the reader does. */
export function VirtualLog(props: {
  items: readonly Item[]
  /** Grows when `items` changed. */
  version: number
  row: (item: Item) => ReactNode
  label: string
  head?: ReactNode
  foot?: ReactNode
  /** The reader comes near the beginning, or the end. */
  onStart: () => void
  onEnd: () => void
  onPinned: (pinned: boolean) => void
  ref?: Ref<LogHandle>
}) {
  const { items, version } = props
  const view = useRef<HTMLDivElement>(null)
  const rows = useRef<HTMLDivElement>(null)
  const block = useRef<HTMLDivElement>(null)
  const pin = useRef(new Pin())
  const measured = useRef(new Map<string, number>())
  const anchor = useRef<{ key: string; within: number } | undefined>(undefined)
  const [, render] = useReducer((count: number) => count + 1, 0)
  const [range, setRange] = useState({ top: 0, view: 800 })

  const known = useRef({ heights: new Heights(), first: '', last: '' })
  const heights = renewed(known.current, items, item => measured.current.get(item.key) ?? GUESS)

  const start = heights.rowAt(range.top - OVERSCAN)
  const stop = Math.min(items.length, heights.rowAt(range.top + range.view + OVERSCAN) + 1)

  const place = useCallback((top: number) => {
    const element = view.current
    if (!element) return
    element.scrollTop = top
    pin.current.placed(element.scrollTop)
    setRange({ top: element.scrollTop, view: element.clientHeight })
  }, [])

  /** Where the head of the list ends: rows are placed from there. */
  const headHeight = useCallback(() => rows.current?.offsetTop ?? 0, [])

  const remember = useCallback(() => {
    const element = view.current
    if (!element) return
    const top = element.scrollTop - headHeight()
    const row = heights.rowAt(top)
    const item = items[row]
    anchor.current = item && { key: item.key, within: top - heights.offset(row) }
  }, [heights, items, headHeight])

  /** Keeps the reader where they are: at the end, or at the row that they look at. */
  const settle = useCallback(() => {
    const element = view.current
    if (!element) return
    if (pin.current.held) {
      place(element.scrollHeight)
      return
    }
    const at = anchor.current
    const row = at ? items.findIndex(item => item.key === at.key) : -1
    if (at && row >= 0) {
      const top = headHeight() + heights.offset(row) + at.within
      if (Math.abs(top - element.scrollTop) >= 1) place(top)
    }
  }, [heights, items, place, headHeight])

  // biome-ignore lint/correctness/useExhaustiveDependencies: what came may have moved what is read
  useLayoutEffect(settle, [settle, version])

  // Few entries may stand for many events: what is not filled is loaded, not waited for.
  const { onStart } = props
  // biome-ignore lint/correctness/useExhaustiveDependencies: each part that came may have filled it
  useEffect(() => {
    const element = view.current
    if (element && element.scrollHeight <= element.clientHeight + OVERSCAN) onStart()
  }, [onStart, version])

  useLayoutEffect(() => {
    const element = view.current
    const rendered = block.current
    if (!element || !rendered) return
    const observer = new ResizeObserver(entries => {
      let grown = false
      for (const { target } of entries) {
        if (!(target instanceof HTMLElement) || target === element) continue
        const row = Number(target.dataset.row)
        const item = items[row]
        if (!item || item.key !== target.dataset.key) continue
        const height = target.offsetHeight
        measured.current.set(item.key, height)
        if (heights.set(row, height) !== 0) grown = true
      }
      if (grown) render()
      settle()
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
  }, [heights, items, settle])

  const scrolled = () => {
    const element = view.current
    if (!element) return
    const was = pin.current.held
    pin.current.scrolled(element.scrollTop, element.scrollHeight, element.clientHeight)
    if (was !== pin.current.held) props.onPinned(pin.current.held)
    remember()
    setRange({ top: element.scrollTop, view: element.clientHeight })
    if (element.scrollTop < OVERSCAN) props.onStart()
    if (element.scrollHeight - element.scrollTop - element.clientHeight < OVERSCAN) props.onEnd()
  }

  useImperativeHandle(props.ref, () => ({
    toEnd() {
      pin.current.held = true
      props.onPinned(true)
      settle()
    },
    toRow(row) {
      pin.current.release()
      props.onPinned(false)
      const item = items[row]
      if (!item) return
      anchor.current = { key: item.key, within: -12 }
      place(headHeight() + heights.offset(row) - 12)
    },
    firstRow: () => heights.rowAt((view.current?.scrollTop ?? 0) - headHeight() + 13),
  }))

  return (
    <section
      className="log"
      ref={view}
      onScroll={scrolled}
      tabIndex={0}
      aria-label={props.label}
      aria-live="off"
    >
      {props.head}
      <div className="log-rows" ref={rows} style={{ blockSize: heights.total }}>
        <div ref={block} style={{ transform: `translateY(${heights.offset(start)}px)` }}>
          {items.slice(start, stop).map((item, index) => (
            <article
              key={item.key}
              data-row={start + index}
              data-key={item.key}
              data-seq={item.seq}
              className={`entry ${item.kind}`}
            >
              {props.row(item)}
            </article>
          ))}
        </div>
      </div>
      {props.foot}
    </section>
  )
}

/** The heights of what is there now. What came at the end is added; anything else is measured anew. */
function renewed(
  known: { heights: Heights; first: string; last: string },
  items: readonly Item[],
  guess: (item: Item) => number,
): Heights {
  const before = known.heights.length
  const grew =
    items.length >= before &&
    (before === 0 || (items[0]?.key === known.first && items[before - 1]?.key === known.last))
  if (!grew) known.heights = new Heights()
  for (let row = known.heights.length; row < items.length; row += 1)
    known.heights.push(guess(items[row] as Item))
  known.first = items[0]?.key ?? ''
  known.last = items.at(-1)?.key ?? ''
  return known.heights
}
