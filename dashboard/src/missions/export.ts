import { api, call } from '../api/client'
import type { Event, Mission } from '../api/schema'
import { Fold } from '../transcript/fold'
import type { Item } from '../transcript/items'

/** All events of a mission, page by page. */
async function allEvents(id: string): Promise<Event[]> {
  const events: Event[] = []
  for (;;) {
    const after = events.at(-1)?.seq ?? 0
    const { items } = (await call(
      api.GET('/api/v1/missions/{id}/events', { params: { path: { id }, query: { after, limit: 1000 } } }),
    )) as { items: Event[] }
    events.push(...items)
    if (items.length < 1000) return events
  }
}

/** Hands a mission over as a file. */
export async function download(mission: Mission, form: 'markdown' | 'json') {
  const events = await allEvents(mission.id)
  const text =
    form === 'json' ? `${JSON.stringify({ mission, events }, null, 2)}\n` : markdownOf(mission, events)
  const blob = new Blob([text], { type: form === 'json' ? 'application/json' : 'text/markdown' })
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = `${mission.title.replace(/[^\p{L}\p{N}]+/gu, '-').slice(0, 60) || 'mission'}.${form === 'json' ? 'json' : 'md'}`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}

export function markdownOf(mission: Mission, events: Event[]): string {
  const fold = new Fold()
  fold.push(events)
  const parts = [
    `# ${mission.title}`,
    `${mission.harness}, ${mission.created_at}`,
    ...fold.items.map(item => entry(item)),
  ]
  return `${parts.filter(Boolean).join('\n\n')}\n`
}

/** A fence that nothing in the text closes. */
function fenced(text: string, language = ''): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(match => match[0].length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}${language}\n${text.replace(/\n$/, '')}\n${fence}`
}

function entry(item: Item): string {
  switch (item.kind) {
    case 'message':
      return item.role === 'user' ? `## You\n\n${fenced(item.text)}` : item.text
    case 'thought':
      return `> ${item.text.replaceAll('\n', '\n> ')}`
    case 'tool': {
      const output = item.output.map(part => part.text).join('')
      const parts = [`**${item.tool}** (${item.status})`, fenced(item.title)]
      for (const edit of item.edits) parts.push(fenced(edit.diff, 'diff'))
      if (output) parts.push(fenced(output))
      parts.push(...item.children.map(entry))
      return parts.join('\n\n')
    }
    case 'approval':
      return `**${item.approval.status}**: ${fenced(item.approval.subject)}`
    case 'question':
      return item.question.items
        .map((question, index) => `**${question.text}** ${item.question.answers?.[index]?.join(', ') ?? ''}`)
        .join('\n\n')
    case 'plan':
      return item.entries
        .map(step => `- [${step.status === 'completed' ? 'x' : ' '}] ${step.text}`)
        .join('\n')
    case 'turn':
      return `---\n\nTurn ${item.turn} ${item.outcome}: ${item.reason}`
    case 'files':
      return item.files.map(file => `- ${file.change}: \`${file.path}\``).join('\n')
    case 'note':
      return `_${item.text}_`
    default:
      return ''
  }
}
