import type { Mission } from '../api/schema'
import { type Command, useCommands } from '../shell/commands'
import { shown } from '../shell/keys'
import { tellFailure } from '../shell/toasts'
import type { Action } from './actions'
import { download } from './export'
import type { Tab } from './Panel'
import { can } from './states'

/** What the palette, and a message that begins with `/`, can do with the mission on the screen. */
export function useMissionCommands(props: {
  mission: Mission
  run: (action: Action) => void
  find: () => void
  show: (tab: Tab) => void
}) {
  const { mission, run, find, show } = props
  const here = (id: string, title: string, does: () => void, keys?: string): Command => ({
    id,
    title,
    keys,
    group: 'Here',
    run: does,
  })
  useCommands([
    ...(can.interrupt(mission)
      ? [here('interrupt', 'Interrupt this turn', () => run('interrupt'), shown('interrupt'))]
      : []),
    ...(can.cancel(mission) ? [here('cancel', 'Cancel this mission', () => run('cancel'))] : []),
    ...(can.resume(mission) ? [here('resume', 'Resume this mission', () => run('resume'))] : []),
    ...(can.finish(mission) ? [here('finish', 'Finish this mission', () => run('finish'))] : []),
    here('find', 'Search in this transcript', find, shown('find')),
    here('changes', 'Show the changes', () => show('changes')),
    here('usage', 'Show what was used', () => show('usage')),
    here('markdown', 'Export as Markdown', () => void download(mission, 'markdown').catch(tellFailure)),
  ])
}
