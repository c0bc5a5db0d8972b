import type { PlanEntry } from '../../api/schema'
import { imageType } from '../../files/queries'
import type { ToolItem } from '../items'
import { field, listField, numberField } from './field'

/** A question that an agent put by a tool of its own. */
export interface Asked {
  text: string
  choices: { label: string; description?: string }[]
}

/** What a tool call is to a reader. Agents name their tools and fields otherwise; what fits none is `other`. */
export type ToolView =
  | { kind: 'shell'; command: string; description?: string }
  | { kind: 'edit'; path: string }
  | { kind: 'read'; path: string; from?: number; lines?: number }
  | { kind: 'image'; path: string }
  | { kind: 'search'; pattern: string; where?: string; files: boolean }
  | { kind: 'fetch'; url: string; question?: string }
  | { kind: 'web'; query: string }
  | { kind: 'plan'; entries: PlanEntry[] }
  | { kind: 'agent'; what: string; role?: string; prompt?: string }
  | { kind: 'question'; questions: Asked[] }
  | { kind: 'other' }

const PATHS = ['file_path', 'filePath', 'notebook_path', 'absolute_path', 'path']

export function viewOf(item: ToolItem): ToolView {
  const { input, tool } = item
  const title = item.title.trim()
  const todos = listField(input, 'todos')
  if (todos) return { kind: 'plan', entries: todos.map(entryOf) }
  const questions = listField(input, 'questions')
  if (questions?.every(({ question }) => typeof question === 'string'))
    return { kind: 'question', questions: questions.map(askedOf) }
  const prompt = field(input, 'prompt', 'task')
  const role = field(input, 'subagent_type', 'agent')
  if (item.children.length > 0 || (prompt && role))
    return { kind: 'agent', what: field(input, 'description', 'title') ?? bare(title), role, prompt }
  switch (tool) {
    case 'execute':
      return {
        kind: 'shell',
        command: field(input, 'command', 'script', 'cmd') ?? title,
        description: field(input, 'description'),
      }
    case 'edit':
    case 'delete':
      return { kind: 'edit', path: item.edits[0]?.path ?? field(input, ...PATHS) ?? bare(title) }
    case 'read': {
      const path = field(input, ...PATHS) ?? bare(title)
      if (imageType(path)) return { kind: 'image', path }
      const from = numberField(input, 'offset', 'line', 'start_line')
      return { kind: 'read', path, from, lines: numberField(input, 'limit') }
    }
    case 'search': {
      const pattern = field(input, 'pattern', 'query', 'filePattern', 'regex') ?? bare(title)
      const files = /^(glob|find|list)/i.test(title) || field(input, 'filePattern') !== undefined
      return { kind: 'search', pattern, where: field(input, 'path', 'directory', 'include', 'glob'), files }
    }
    case 'fetch': {
      const url = field(input, 'url')
      if (url) return { kind: 'fetch', url, question: field(input, 'prompt', 'objective') }
      const query = field(input, 'query', 'q')
      return query ? { kind: 'web', query } : { kind: 'other' }
    }
    default:
      return { kind: 'other' }
  }
}

/** A title without the name of the tool that some agents begin it with. */
function bare(title: string): string {
  const line = title.split('\n')[0] ?? ''
  return line.replace(
    /^(read|edit|multiedit|write|delete|grep|glob|search|find|task|agent|webfetch|websearch|fetch|list|ls)\b:?\s+/i,
    '',
  )
}

function entryOf(todo: Record<string, unknown>): PlanEntry {
  const status = String(todo.status ?? 'pending').replace('-', '_')
  return {
    text: String(todo.content ?? todo.text ?? todo.title ?? ''),
    status:
      status === 'completed' || status === 'done'
        ? 'completed'
        : status === 'in_progress'
          ? 'running'
          : status === 'cancelled'
            ? 'failed'
            : 'pending',
  }
}

function askedOf(question: Record<string, unknown>): Asked {
  const choices = listField(question, 'options', 'choices') ?? []
  return {
    text: String(question.question),
    choices: choices.map(choice => ({
      label: String(choice.label ?? choice.text ?? ''),
      description: field(choice, 'description'),
    })),
  }
}

/** What a person reads of a tool call first. */
export function headOf(item: ToolItem, view: ToolView): { verb: string; subject: string; note?: string } {
  const first = (text: string) => text.trim().split('\n')[0] ?? ''
  switch (view.kind) {
    case 'shell':
      return { verb: '', subject: first(view.command) || item.title }
    case 'edit': {
      const created = item.edits.length === 1 && /^@@ -0,0 /m.test(item.edits[0]?.diff ?? '')
      const verb = item.tool === 'delete' ? 'Delete' : created ? 'Write' : 'Edit'
      return { verb, subject: within(view.path) }
    }
    case 'read': {
      const from = view.from === undefined ? undefined : Math.max(1, view.from)
      const note =
        from === undefined ? undefined : `from line ${from}${view.lines ? `, ${view.lines} lines` : ''}`
      return { verb: 'Read', subject: within(view.path), note }
    }
    case 'image':
      return { verb: 'Look at', subject: within(view.path) }
    case 'search': {
      const where = view.where && `in ${within(view.where)}`
      return { verb: view.files ? 'Find' : 'Search', subject: first(view.pattern), note: where }
    }
    case 'fetch':
      return { verb: 'Fetch', subject: view.url }
    case 'web':
      return { verb: 'Search the web', subject: first(view.query) }
    case 'plan': {
      const done = view.entries.filter(({ status }) => status === 'completed').length
      const now = view.entries.find(({ status }) => status === 'running')
      return { verb: 'Plan', subject: now?.text ?? '', note: `${done} of ${view.entries.length} done` }
    }
    case 'agent':
      return { verb: 'Agent', subject: first(view.what), note: view.role }
    case 'question':
      return { verb: 'Ask', subject: first(view.questions[0]?.text ?? '') }
    case 'other':
      return { verb: '', subject: first(item.title) || item.tool }
  }
}

/** A path as it is in the workspace, where that is known to be at its usual place. */
export const within = (path: string) =>
  path.startsWith('/workspace/') ? path.slice('/workspace/'.length) : path
