import type { ReactNode } from 'react'
import './parts.css'

/** Names and what they are. What is undefined or null is left out. */
export function Facts(props: { of: [name: string, value: ReactNode][] }) {
  return (
    <dl className="facts">
      {props.of
        .filter(([, value]) => value !== undefined && value !== null && value !== false && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}
