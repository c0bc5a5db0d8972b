import type { Mission } from '../api/schema'
import { StateMark } from '../ui/StateMark'
import { shownState } from './states'

export function State(props: { mission: Mission }) {
  return <StateMark standing={shownState(props.mission)} />
}
