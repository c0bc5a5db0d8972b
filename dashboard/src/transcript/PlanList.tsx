import type { PlanEntry } from '../api/schema'
import { visible } from './visible'

const GLYPHS = { pending: '○', running: '●', completed: '✓', failed: '✕' }
const WORDS = { pending: 'to do', running: 'under way', completed: 'done', failed: 'failed' }
const TONES = { pending: '', running: 'running', completed: 'ok', failed: 'fail' }

export function PlanList(props: { entries: PlanEntry[] }) {
  return (
    <ul className="plan-list" aria-label="Plan">
      {props.entries.map((entry, index) => (
        <li key={index} className="row">
          <span className={`state ${TONES[entry.status]}`}>
            <span aria-hidden>{GLYPHS[entry.status]}</span>
            <span className="hidden">{WORDS[entry.status]}: </span>
          </span>
          <span dir="auto" className={entry.status === 'completed' ? 'soft' : undefined}>
            {visible(entry.text)}
          </span>
        </li>
      ))}
    </ul>
  )
}
