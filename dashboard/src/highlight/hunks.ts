import type { DiffLine } from '../transcript/hunks'
import { type Source, source } from './client'
import type { Language } from './languages'

/** Where the colours of a line of a diff are: those of the part of the file that it was, or is, in. */
export interface Place {
  source: Source
  line: number
}

/** What is to be coloured for the lines of a diff. Each part of it is coloured once as it was and once as it is, so that a
 * string or a comment over several lines is what it is in the file. */
export function placesOf(
  lines: readonly DiffLine[],
  language: Language | undefined,
): ReadonlyMap<DiffLine, Place> {
  const places = new Map<DiffLine, Place>()
  if (!language) return places
  const colour = (part: readonly DiffLine[], own: DiffLine['kind']) => {
    const shown = part.filter(({ kind }) => kind === own || kind === 'same')
    const made = source(shown.map(({ text }) => text).join('\n'), language)
    if (!made) return
    for (const [line, of] of shown.entries()) places.set(of, { source: made, line })
  }
  let part: DiffLine[] = []
  const end = () => {
    // Lines that stayed are coloured as they are now.
    if (part.some(({ kind }) => kind === 'del')) colour(part, 'del')
    colour(part, 'add')
    part = []
  }
  for (const line of lines) {
    if (line.kind === 'hunk') end()
    else part.push(line)
  }
  end()
  return places
}
