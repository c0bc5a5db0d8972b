import type { ReactNode } from 'react'
import './parts.css'

/** A table that scrolls within itself where it does not fit. On a phone its rows become blocks, each cell with its `data-label`. */
export function DataTable(props: {
  label: string
  head: (string | { title: string; end?: boolean; hidden?: boolean })[]
  children: ReactNode
}) {
  return (
    <section className="scroll-x" aria-label={`${props.label}, table`} tabIndex={0}>
      <table className="table stack">
        <thead>
          <tr>
            {props.head.map(column => {
              const { title, end, hidden } =
                typeof column === 'string' ? { title: column, end: false, hidden: false } : column
              return (
                <th key={title} scope="col" className={end ? 'right' : undefined}>
                  {hidden ? <span className="hidden">{title}</span> : title}
                </th>
              )
            })}
          </tr>
        </thead>
        <tbody>{props.children}</tbody>
      </table>
    </section>
  )
}
