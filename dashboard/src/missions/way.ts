import type { HarnessAbout, Mission } from '../api/schema'
import { Signal, useSignal } from '../signal'

/** How a message reaches an agent that is at work. */
export type Way = 'steer' | 'queue' | 'interrupt'

export const WAYS: Record<Way, { title: string; does: string }> = {
  steer: { title: 'Steer', does: 'The agent is told in the middle of its turn' },
  queue: { title: 'Queue', does: 'It waits until the turn is over' },
  interrupt: { title: 'Interrupt', does: 'The turn is ended, and this is the next' },
}

/** What was chosen last on this page, for all that is sent from it. */
export const chosenWay = new Signal<Way | undefined>(undefined)

/** How the next message goes. */
export function useWay(mission: Mission, about: HarnessAbout | undefined) {
  const chosen = useSignal(chosenWay)
  const steers = about?.steer === true
  const way: Way = chosen === 'steer' && !steers ? 'queue' : (chosen ?? (steers ? 'steer' : 'queue'))
  return {
    /** Whether the agent is at work: only then there are several ways. */
    busy: ['running', 'awaiting_approval', 'queued'].includes(mission.state),
    way,
    steers,
  }
}
