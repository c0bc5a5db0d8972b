import { type ReactNode, useId, useRef } from 'react'

/** One thing that can be done. */
export function MenuItem(props: {
  onChoose: () => void
  disabled?: boolean
  className?: string
  children: ReactNode
}) {
  return (
    <button
      type="button"
      role="menuitem"
      className={props.className}
      disabled={props.disabled}
      onClick={props.onChoose}
    >
      {props.children}
    </button>
  )
}

/** A button that opens a list of buttons beside it. */
export function Menu(props: {
  label: ReactNode
  className?: string
  disabled?: boolean
  children: ReactNode
}) {
  const id = useId()
  const button = useRef<HTMLButtonElement>(null)
  const menu = useRef<HTMLDivElement>(null)
  const items = () => [...(menu.current?.querySelectorAll<HTMLButtonElement>('button:not(:disabled)') ?? [])]
  const place = () => {
    const at = button.current?.getBoundingClientRect()
    const list = menu.current
    if (!at || !list) return
    const size = list.getBoundingClientRect()
    const below = at.bottom + size.height + 8 < innerHeight
    list.style.position = 'fixed'
    list.style.top = `${below ? at.bottom : Math.max(8, at.top - size.height - 8)}px`
    list.style.left = `${Math.max(8, Math.min(at.left, innerWidth - size.width - 8))}px`
  }
  return (
    <>
      <button
        ref={button}
        type="button"
        className={props.className ?? 'button'}
        popoverTarget={id}
        disabled={props.disabled}
        aria-haspopup="menu"
      >
        {props.label}
      </button>
      <div
        ref={menu}
        id={id}
        className="menu"
        popover="auto"
        role="menu"
        tabIndex={-1}
        onToggle={event => {
          if (event.newState !== 'open') return
          place()
          items()[0]?.focus()
        }}
        onClick={() => menu.current?.hidePopover()}
        onKeyDown={event => {
          event.stopPropagation()
          const all = items()
          const now = all.indexOf(document.activeElement as HTMLButtonElement)
          if (event.key === 'ArrowDown') all[(now + 1) % all.length]?.focus()
          else if (event.key === 'ArrowUp') all[(now - 1 + all.length) % all.length]?.focus()
          else return
          event.preventDefault()
        }}
      >
        {props.children}
      </div>
    </>
  )
}
