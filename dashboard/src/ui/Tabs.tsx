import { Link } from '@tanstack/react-router'
import './parts.css'

/** Parts of a page. Which is shown is in the address, so that a link shows the same; the first is without a word there. */
export function Tabs<T extends string>(props: {
  label: string
  now: T
  tabs: readonly { id: T; title: string; count?: number }[]
}) {
  return (
    <nav className="tabs" aria-label={props.label}>
      {props.tabs.map(({ id, title, count }, index) => (
        <Link
          key={id}
          to="."
          // Every page has its own kind of search; a tab is in all that use this, and the rest belongs to the tab before.
          search={{ tab: index === 0 ? undefined : id } as never}
          activeOptions={{ exact: true, includeSearch: true }}
          className={id === props.now ? 'tab now' : 'tab'}
          aria-current={id === props.now ? 'page' : undefined}
        >
          {title}
          {count !== undefined && <span className="dim num"> {count}</span>}
        </Link>
      ))}
    </nav>
  )
}
