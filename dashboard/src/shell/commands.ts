import { useEffect, useRef } from 'react'

/** Something that the palette can do. */
export interface Command {
  id: string
  title: string
  /** What stands beside it. */
  detail?: string
  keys?: string
  group: 'Here' | 'Actions' | 'Missions' | 'Pages'
  run: () => void
}

const sources: { current: Command[] }[] = []

/** Offers commands as long as the component is there: actions on what is on the screen. */
export function useCommands(commands: Command[]) {
  const latest = useRef(commands)
  useEffect(() => {
    latest.current = commands
  })
  useEffect(() => {
    sources.push(latest)
    return () => {
      sources.splice(sources.indexOf(latest), 1)
    }
  }, [])
}

export const offered = (): Command[] => sources.flatMap(source => source.current)

const GROUPS: Command['group'][] = ['Here', 'Actions', 'Missions', 'Pages']

/** The commands that hold all words, those first that begin with them. */
export function matching(commands: Command[], query: string): Command[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  const ranked = commands.flatMap(command => {
    const title = command.title.toLowerCase()
    const text = `${title} ${command.detail?.toLowerCase() ?? ''}`
    if (!words.every(word => text.includes(word))) return []
    const begins = words.length > 0 && title.startsWith(words[0] ?? '') ? 0 : 1
    return [{ command, rank: GROUPS.indexOf(command.group) * 2 + begins }]
  })
  return ranked.sort((one, other) => one.rank - other.rank).map(({ command }) => command)
}
