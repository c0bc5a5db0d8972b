/** A line that a search found. */
export interface Hit {
  line?: number
  text: string
}

/** What a search found in one file; no hits where only the file was told. */
export interface FoundFile {
  path: string
  hits: Hit[]
}

/** The most lines of a search that are put on the page. */
const MOST = 500

/** Reads what programs like `grep` print: `path:line:text`, or paths alone. Nothing where it is something else. */
export function foundIn(output: string): { files: FoundFile[]; left: number } | undefined {
  const lines = output.split('\n').filter(line => line.trim() !== '')
  const files = new Map<string, FoundFile>()
  let other = 0
  for (const line of lines.slice(0, MOST)) {
    const hit = /^([^\s:][^:]*):(\d+)[:-](.*)$/.exec(line)
    const path = hit ? (hit[1] as string) : line.trim()
    if (!hit && !/^[^\s:]+$/.test(path)) {
      other += 1
      continue
    }
    const file = files.get(path) ?? { path, hits: [] }
    if (hit) file.hits.push({ line: Number(hit[2]), text: hit[3] ?? '' })
    files.set(path, file)
  }
  if (files.size === 0 || other > 2) return undefined
  return { files: [...files.values()], left: Math.max(0, lines.length - MOST) }
}

/** Reads a file as agents are given it, each line with its number in front. Nothing where it has none. */
export function numberedIn(output: string): { first: number; text: string } | undefined {
  const lines = output.replace(/^<file>\n/, '').split('\n')
  const found: string[] = []
  let first: number | undefined
  for (const line of lines) {
    const match = /^\s*0*(\d+)(?:→|\t|\| ?)(.*)$/.exec(line)
    if (!match) break
    const number = Number(match[1])
    first ??= number
    // A line that is out of order is none of the file.
    if (number !== first + found.length) break
    found.push(match[2] ?? '')
  }
  return first === undefined ? undefined : { first, text: found.join('\n') }
}

/** Reads the links that a search of the web tells of. Only those that lead to the web are links. */
export function linksIn(output: string): { links: { title: string; url: string }[]; rest: string } {
  const list = /^Links: (\[.*\])$/m.exec(output)
  if (!list) return { links: [], rest: output }
  try {
    const links = (JSON.parse(list[1] ?? '[]') as unknown[]).flatMap(link => {
      const { title, url } = (link ?? {}) as { title?: unknown; url?: unknown }
      return typeof url === 'string' && /^https?:\/\//i.test(url)
        ? [{ title: String(title ?? url), url }]
        : []
    })
    return { links, rest: output.replace(list[0], '').trim() }
  } catch {
    return { links: [], rest: output }
  }
}
