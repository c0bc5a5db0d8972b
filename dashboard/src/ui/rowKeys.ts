import { useRef } from 'react'
import { useKeys } from '../shell/keys'

/** Moves between the rows of a list with the keys of the table: each row's link has `data-row`, and Enter is the link's own. */
export function useRowKeys() {
  const list = useRef<HTMLDivElement>(null)
  const move = (by: number) => {
    const links = [...(list.current?.querySelectorAll<HTMLElement>('[data-row]') ?? [])]
    const at = links.indexOf(document.activeElement as HTMLElement)
    const next =
      links[at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.max(0, Math.min(links.length - 1, at + by))]
    next?.focus()
  }
  useKeys({ down: () => move(1), up: () => move(-1) })
  return list
}
