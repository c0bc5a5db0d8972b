import type { ToolItem } from './items'

/** Fields by which agents name what a tool is about, the clearest first. */
const SUBJECTS = [
  'command',
  'script',
  'cmd',
  'file_path',
  'filePath',
  'path',
  'url',
  'query',
  'pattern',
  'description',
  'prompt',
]

/** A text field of what went in. */
export function field(input: unknown, ...names: string[]): string | undefined {
  if (typeof input !== 'object' || input === null) return undefined
  for (const name of names) {
    const value = (input as Record<string, unknown>)[name]
    if (typeof value === 'string' && value !== '') return value
    if (Array.isArray(value) && value.length > 0 && value.every(part => typeof part === 'string'))
      return value.join(' ')
  }
  return undefined
}

const VERBS: Record<ToolItem['tool'], string> = {
  execute: '',
  read: 'Read',
  edit: 'Edit',
  delete: 'Delete',
  search: 'Search',
  fetch: 'Fetch',
  think: 'Think',
  other: '',
}

/** What a person reads of a tool call first. */
export function toolTitle(item: ToolItem): { verb: string; subject: string } {
  const verb = item.children.length > 0 ? 'Agent' : VERBS[item.tool]
  const title = item.title || field(item.input, ...SUBJECTS) || item.tool
  const first = title.trim().split('\n')[0] ?? ''
  const bare =
    verb && first.toLowerCase().startsWith(`${verb.toLowerCase()} `) ? first.slice(verb.length + 1) : first
  return { verb, subject: bare }
}
