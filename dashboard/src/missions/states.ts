import type { Mission, MissionState } from '../api/schema'

/** What a person makes of where a mission stands, the most urgent first. */
export const GROUPS = [
  { id: 'need', title: 'Needs you', states: ['awaiting_approval', 'interrupted'] },
  { id: 'running', title: 'Running', states: ['running'] },
  { id: 'turn', title: 'Your turn', states: ['awaiting_user'] },
  { id: 'queued', title: 'Queued', states: ['queued'] },
  { id: 'parked', title: 'Parked', states: ['parked'] },
  { id: 'finished', title: 'Finished', states: ['done', 'failed', 'cancelled'] },
] as const satisfies { id: string; title: string; states: MissionState[] }[]

export type GroupId = (typeof GROUPS)[number]['id']

export const groupOf = (mission: Mission): GroupId =>
  GROUPS.find(group => (group.states as readonly MissionState[]).includes(mission.state))?.id ?? 'finished'

/** States in which something is still to come. */
export const OPEN: MissionState[] = [
  'queued',
  'running',
  'awaiting_approval',
  'awaiting_user',
  'parked',
  'interrupted',
]

export interface Shown {
  glyph: string
  word: string
  tone: '' | 'need' | 'running' | 'ok' | 'fail'
}

const SHOWN: Record<MissionState, Shown> = {
  queued: { glyph: '○', word: 'Queued', tone: '' },
  running: { glyph: '●', word: 'Running', tone: 'running' },
  awaiting_approval: { glyph: '▲', word: 'Needs you', tone: 'need' },
  awaiting_user: { glyph: '◇', word: 'Your turn', tone: '' },
  parked: { glyph: '‖', word: 'Parked', tone: '' },
  interrupted: { glyph: '▲', word: 'Interrupted', tone: 'need' },
  done: { glyph: '✓', word: 'Done', tone: 'ok' },
  failed: { glyph: '✕', word: 'Failed', tone: 'fail' },
  cancelled: { glyph: '✕', word: 'Cancelled', tone: '' },
}

/** A state as glyph, word and tone: never by colour alone. */
export const shownAs = (state: MissionState): Shown => SHOWN[state]

/** The same of a mission, which says more. */
export function shownState(mission: Mission): Shown {
  if (mission.state === 'running' && mission.stalled) return { glyph: '●', word: 'Silent', tone: '' }
  if (mission.state === 'awaiting_user' && mission.last_outcome && mission.last_outcome !== 'completed') {
    return {
      glyph: '◇',
      word: mission.last_outcome === 'interrupted' ? 'Stopped' : 'Turn failed',
      tone: 'fail',
    }
  }
  return SHOWN[mission.state]
}

/** What can be done with a mission as it stands. */
export const can = {
  interrupt: (mission: Mission) => mission.state === 'running' || mission.state === 'awaiting_approval',
  cancel: (mission: Mission) => OPEN.includes(mission.state),
  resume: (mission: Mission) => ['interrupted', 'failed', 'cancelled', 'parked'].includes(mission.state),
  finish: (mission: Mission) => mission.state === 'awaiting_user',
  remove: (mission: Mission) => ['done', 'failed', 'cancelled'].includes(mission.state),
}
