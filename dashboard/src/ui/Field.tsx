import { cloneElement, type ReactElement, type ReactNode, useId } from 'react'
import './parts.css'

interface Control {
  id?: string
  'aria-describedby'?: string
  'aria-invalid'?: boolean
}

/** A control with its name, and what to know about it. */
export function Field(props: {
  label: string
  hint?: ReactNode
  problem?: string
  children: ReactElement<Control>
}) {
  const made = useId()
  const about = useId()
  const id = props.children.props.id ?? made
  const told = Boolean(props.problem ?? props.hint)
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      {cloneElement(props.children, {
        id,
        'aria-describedby': told ? about : undefined,
        'aria-invalid': props.problem ? true : undefined,
      })}
      {told && (
        <small
          id={about}
          className={props.problem ? 'field-problem' : 'dim'}
          role={props.problem ? 'alert' : undefined}
        >
          {props.problem ?? props.hint}
        </small>
      )}
    </div>
  )
}
