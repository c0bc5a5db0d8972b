import type { Mission } from '../api/schema'
import { shownState } from './states'

export function State(props: { mission: Mission }) {
  const { glyph, word, tone } = shownState(props.mission)
  return (
    <span className={`state ${tone}`}>
      <span aria-hidden>{glyph}</span>
      <span>{word}</span>
    </span>
  )
}
