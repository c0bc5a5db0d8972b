import type { Event } from '../api/schema'

/** Events of a mission, numbered from 1. */
export function events(...bodies: [kind: string, body: unknown, turn?: number][]): Event[] {
  return bodies.map(
    ([kind, body, turn = 1], index) =>
      ({
        mission: 'm',
        seq: index + 1,
        at: new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString(),
        turn,
        kind,
        body,
      }) as Event,
  )
}

/** A mission in which everything comes in parts. */
export const MIXED = events(
  ['state', { to: 'queued', cause: 'created' }, 0],
  ['turn_started', { message: 'p' }],
  ['message', { id: 'p', role: 'user', text: 'Do it' }],
  ['thought', { id: 't', text: 'Hm' }],
  ['message', { id: 'a', role: 'agent', text: 'I ' }],
  ['thought', { id: 't', text: '.' }],
  ['tool_call', { id: 'c', title: 'ls', tool_kind: 'execute', status: 'running', input: {} }],
  ['tool_output', { id: 'c', stream: 'stdout', text: 'one\n' }],
  ['message', { id: 'a', role: 'agent', text: 'look.' }],
  ['tool_output', { id: 'c', stream: 'stderr', text: 'oh\n' }],
  ['tool_call', { id: 'sub', title: 'Explore', tool_kind: 'other', status: 'running', input: {} }],
  [
    'tool_call',
    { id: 'in', parent: 'sub', title: 'rg x', tool_kind: 'search', status: 'completed', input: {} },
  ],
  ['tool_output', { id: 'c', stream: 'stdout', text: 'two\n' }],
  ['message', { id: 's', role: 'agent', parent: 'sub', text: 'Found.' }],
  ['tool_call', { id: 'c', title: 'ls', tool_kind: 'execute', status: 'failed', input: {}, exit_code: 2 }],
  [
    'approval',
    { id: 'k', status: 'open', title: 'x', tool_kind: 'execute', tool: 'Bash', subject: 'x', input: {} },
  ],
  ['plan', { entries: [{ text: 'a', status: 'pending' }] }],
  [
    'approval',
    { id: 'k', status: 'approved', title: 'x', tool_kind: 'execute', tool: 'Bash', subject: 'x', input: {} },
  ],
  ['plan', { entries: [{ text: 'a', status: 'completed' }] }],
  ['file_change', { path: 'a.txt', change: 'created', size: 1 }],
  ['file_change', { path: 'b.txt', change: 'created', size: 1 }],
  ['turn_ended', { outcome: 'completed', reason: 'done' }],
)
