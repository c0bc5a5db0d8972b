// @vitest-environment happy-dom
import { expect, test } from 'vitest'
import { events } from '../events.fixture'
import { Fold } from '../fold'
import type { ToolItem } from '../items'
import { headOf, viewOf } from './view'

/** A tool call as its events make it. */
function call(tool_kind: string, title: string, input: unknown, rest: object = {}): ToolItem {
  const fold = new Fold()
  fold.push(events(['tool_call', { id: 'c', title, tool_kind, status: 'completed', input, ...rest }]))
  const item = fold.items[0]
  if (item?.kind !== 'tool') throw new Error('it is no tool call')
  return item
}

/** The line to which a call is folded. */
function line(...of: Parameters<typeof call>) {
  const item = call(...of)
  const { verb, subject, note } = headOf(item, viewOf(item))
  return [verb, subject, note].filter(Boolean).join(' · ')
}

test('each call is one telling line, whichever agent made it', () => {
  expect(line('execute', 'make…', { command: 'make\nmake test' })).toBe('make')
  expect(line('execute', 'ls', { cmd: ['ls', '-l'] })).toBe('ls -l')
  expect(line('read', 'Read src/a.rs', { file_path: '/workspace/src/a.rs', offset: 10, limit: 3 })).toBe(
    'Read · src/a.rs · from line 10, 3 lines',
  )
  expect(line('read', 'Read src/a.rs', {})).toBe('Read · src/a.rs')
  expect(line('read', 'x', { filePath: 'docs/shot.png' })).toBe('Look at · docs/shot.png')
  expect(line('search', 'Grep fn main', { pattern: 'fn main', path: 'src' })).toBe(
    'Search · fn main · in src',
  )
  expect(line('search', 'Glob **/*.rs', { pattern: '**/*.rs' })).toBe('Find · **/*.rs')
  expect(line('fetch', 'WebFetch https://a.example', { url: 'https://a.example', prompt: 'x' })).toBe(
    'Fetch · https://a.example',
  )
  expect(line('fetch', 'WebSearch rust', { query: 'rust' })).toBe('Search the web · rust')
  const todos = [
    { content: 'a', status: 'completed' },
    { content: 'b', status: 'in_progress' },
  ]
  expect(line('think', 'TodoWrite', { todos })).toBe('Plan · b · 1 of 2 done')
  expect(line('think', 'Task x', { description: 'Find it', subagent_type: 'Explore', prompt: 'p' })).toBe(
    'Agent · Find it · Explore',
  )
  expect(line('other', 'AskUserQuestion', { questions: [{ question: 'Which?', options: [] }] })).toBe(
    'Ask · Which?',
  )
  expect(line('other', 'db: run_query', { sql: 'select 1' })).toBe('db: run_query')
})

test('a file that is new is written, others are edited', () => {
  const edits = (diff: string) => ({ edits: [{ path: 'a.rs', diff }] })
  expect(line('edit', 'Write a.rs', {}, edits('@@ -0,0 +1,1 @@\n+x\n'))).toBe('Write · a.rs')
  expect(line('edit', 'Edit a.rs', {}, edits('@@ -1,1 +1,1 @@\n-x\n+y\n'))).toBe('Edit · a.rs')
  expect(line('delete', 'Delete a.rs', { path: 'a.rs' })).toBe('Delete · a.rs')
})

test('whatever an agent sends as input is shown as something', () => {
  for (const input of [
    null,
    7,
    'text',
    [],
    { todos: 'x' },
    { todos: [null, 3] },
    { questions: [{}] },
    { url: {} },
  ])
    for (const kind of ['execute', 'read', 'edit', 'delete', 'search', 'fetch', 'think', 'other'])
      expect(line(kind, 'A title', input)).not.toBe('')
})
