import { useMemo, useState } from 'react'
import { DiffCode } from '../highlight/DiffCode'
import { placesOf } from '../highlight/hunks'
import { languageOf } from '../highlight/languages'
import { diffLines } from './hunks'
import { visible } from './visible'
import './diff.css'

/** Lines of a diff that are shown before somebody asks for all. */
const SHOWN = 400

/** The changes of one file, as the server tells them. */
export function Diff(props: {
  path: string
  diff?: string
  note?: string
  /** The name stands above it already. */
  bare?: boolean
}) {
  const lines = useMemo(() => (props.diff === undefined ? [] : diffLines(props.diff)), [props.diff])
  const places = useMemo(() => placesOf(lines, languageOf(props.path)), [lines, props.path])
  const [all, setAll] = useState(false)
  const shown = all ? lines : lines.slice(0, SHOWN)
  return (
    <figure className="diff">
      <figcaption className={props.bare ? 'hidden' : undefined}>
        <code className="cut grow" dir="ltr">
          {visible(props.path)}
        </code>
        {props.note && <span className="dim">{props.note}</span>}
      </figcaption>
      {props.diff === undefined ? (
        <p className="dim diff-none">No diff: it is binary or too large.</p>
      ) : (
        <div className="diff-lines" tabIndex={0}>
          <table>
            <tbody>
              {shown.map((line, index) => (
                <tr key={index} className={line.kind}>
                  <td className="line-number">{line.old}</td>
                  <td className="line-number">{line.new}</td>
                  <td className="sign">
                    {line.kind === 'add' ? '+' : line.kind === 'del' ? '−' : line.kind === 'hunk' ? '⋯' : ''}
                  </td>
                  <td className="line-text">
                    <DiffCode text={line.text} place={places.get(line)} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {shown.length < lines.length && (
        <button type="button" className="button bare small" onClick={() => setAll(true)}>
          Show {lines.length - shown.length} more lines
        </button>
      )}
    </figure>
  )
}
