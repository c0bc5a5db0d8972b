import { useQuery } from '@tanstack/react-query'
import type { HarnessAbout, Mission, MissionChange } from '../api/schema'
import { type SlashCommand, skillCommands, workCommands } from '../compose/choices'
import { skills } from '../compose/skills'
import { offered } from '../shell/commands'
import { workspace } from '../workspaces/workspace'
import { chosenWay, WAYS, type Way } from './way'

/** What a message to a mission that begins with `/` can do: change how the next turns work, choose how messages go, do what the
 * page does, and ask for a skill. */
export function useSlashCommands(props: {
  mission: Mission
  about: HarnessAbout | undefined
  text: string
  busy: boolean
  steers: boolean
  edit: (change: MissionChange) => void
  attach: () => void
}): SlashCommand[] {
  const { mission, about, busy, steers } = props
  const wanted = props.text.startsWith('/')
  const library = useQuery({ ...skills, enabled: wanted })
  const place = useQuery({ ...workspace(mission.workspace), enabled: wanted })
  if (!wanted) return []
  const ways = (Object.keys(WAYS) as Way[]).filter(way => busy && (way !== 'steer' || steers))
  return [
    { name: 'attach', title: 'Choose files that come along', run: props.attach },
    ...workCommands(about, props.edit),
    ...ways.map(way => ({
      name: `messages ${way}`,
      title: WAYS[way].does,
      run: () => chosenWay.set(way),
    })),
    ...offered()
      .filter(({ group }) => group === 'Here')
      .map(({ id, title, run }) => ({ name: id, title, run })),
    ...skillCommands(library.data?.items ?? [], place.data?.skills),
  ]
}
