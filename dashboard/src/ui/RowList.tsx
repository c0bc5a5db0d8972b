import { Plus, X } from 'lucide-react'
import type { ReactNode } from 'react'
import './parts.css'

/** A list that a person writes, one row at a time. */
export function RowList<T>(props: {
  title: string
  /** What one row is called. */
  one: string
  hint?: ReactNode
  rows: T[]
  empty: T
  onChange: (rows: T[]) => void
  children: (row: T, change: (part: Partial<T>) => void, index: number) => ReactNode
}) {
  const { rows, onChange } = props
  return (
    <fieldset className="row-list">
      <legend>{props.title}</legend>
      {props.hint && <small className="dim">{props.hint}</small>}
      {rows.map((row, index) => (
        <div key={index} className="row-list-row">
          {props.children(
            row,
            part => onChange(rows.map((old, at) => (at === index ? { ...old, ...part } : old))),
            index,
          )}
          <button
            type="button"
            className="button bare small"
            onClick={() => onChange(rows.filter((_, at) => at !== index))}
          >
            <X className="icon" aria-hidden />
            <span className="hidden">
              Remove {props.one} {index + 1}
            </span>
          </button>
        </div>
      ))}
      <button type="button" className="button small" onClick={() => onChange([...rows, props.empty])}>
        <Plus className="icon" aria-hidden />
        Add {props.one}
      </button>
    </fieldset>
  )
}
