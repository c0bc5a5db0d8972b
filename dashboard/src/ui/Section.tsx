import { type ReactNode, useId } from 'react'
import './parts.css'

/** A part of a page under a heading. */
export function Section(props: { title: string; about?: ReactNode; head?: ReactNode; children: ReactNode }) {
  const id = useId()
  return (
    <section className="section" aria-labelledby={id}>
      <div className="row wrap">
        <h2 id={id}>{props.title}</h2>
        {props.head && <div className="row wrap section-head">{props.head}</div>}
      </div>
      {props.about && <p className="soft about">{props.about}</p>}
      {props.children}
    </section>
  )
}
