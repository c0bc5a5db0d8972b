import { type RefObject, useEffect, useState } from 'react'
import { Preference } from '../preference'
import type { Row } from './rows'

/** Whether what was before and what is now stand side by side, where there is room for it. */
export const columns = new Preference('review-columns', ['one', 'two'])

/** Two columns of code are readable from this width on, in pixels. */
export const TWO = 880

/** Below this width the list of files would leave too little to the lines. */
export const NARROW = 420

const LINE = 20
/** Width of a character of code, and of what stands beside it. */
const CHARACTER = 7.2
const GUTTER = 104

/** The width of an element, in pixels; 0 before it is known. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0)
  useEffect(() => {
    const target = element.current
    if (!target) return
    const observer = new ResizeObserver(() => setWidth(target.clientWidth))
    observer.observe(target)
    return () => observer.disconnect()
  }, [element])
  return width
}

/** How high a row is likely to be, in pixels: long lines are wrapped. */
export function guessed(row: Row, width: number, split: boolean): number {
  switch (row.kind) {
    case 'file':
      return 34
    case 'folded':
      return 32
    case 'hunk':
      return 24
    case 'comment':
      return 96
    case 'editor':
      return 140
    case 'note':
      return LINE
    case 'line': {
      const across = Math.max(16, Math.floor((split ? width / 2 - 60 : width - GUTTER) / CHARACTER))
      const longest = Math.max(row.before?.text.length ?? 0, row.after?.text.length ?? 0)
      return Math.max(1, Math.ceil(longest / across)) * LINE
    }
  }
}
