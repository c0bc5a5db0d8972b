/** What somebody who writes begins to name: a file of the workspace, or a command. */
export type Asking =
  | { kind: 'file'; from: number; to: number; directory: string; name: string }
  | { kind: 'command'; from: number; to: number; words: string }

/** What is named where the caret is. */
export function askingAt(text: string, caret: number): Asking | undefined {
  const before = text.slice(0, caret)
  // A second slash makes a path of it.
  const command = /^\/([a-z0-9-]*(?: [^\n/]*)?)$/i.exec(text)
  if (command && caret === text.length)
    return { kind: 'command', from: 0, to: caret, words: command[1] ?? '' }
  const file = /(?:^|[\s([{"'`])@([^\s@]*)$/.exec(before)
  if (!file) return undefined
  const path = file[1] ?? ''
  const cut = path.lastIndexOf('/') + 1
  return {
    kind: 'file',
    from: caret - path.length - 1,
    to: caret,
    directory: path.slice(0, Math.max(0, cut - 1)),
    name: path.slice(cut),
  }
}

/** Those that hold all words, first those that begin with the first of them. */
export function fitting<T extends { name: string; title: string }>(all: readonly T[], words: string): T[] {
  const asked = words.toLowerCase().split(/\s+/).filter(Boolean)
  const begins = (one: T) => one.name.toLowerCase().startsWith(asked.join(' '))
  const fits = all.filter(({ name, title }) => {
    const text = `${name} ${title}`.toLowerCase()
    return asked.every(word => text.includes(word))
  })
  return [...fits.filter(begins), ...fits.filter(one => !begins(one))]
}
