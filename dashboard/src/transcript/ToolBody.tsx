import { memo } from 'react'
import { bytes } from '../ui/format'
import { segments } from './ansi'
import { Diff } from './Diff'
import type { ToolItem } from './items'
import { PlanList } from './PlanList'
import { field } from './tool'
import { visible } from './visible'

/** Output as a terminal would colour it. */
export const Ansi = memo(function Ansi(props: { text: string }) {
  return segments(props.text).map((segment, index) =>
    segment.style ? (
      <span key={index} className={`ansi ${segment.style}`}>
        {segment.text}
      </span>
    ) : (
      segment.text
    ),
  )
})

/** The most of an output that is put on the page at once. */
const SHOWN = 64 * 1024

/** All of a tool call: what went in, and what came out. */
export function ToolBody({ item }: { item: ToolItem }) {
  return (
    <div className="tool-body">
      <Input item={item} />
      {item.edits.map((edit, index) => (
        <Diff key={index} path={edit.path} diff={edit.diff} />
      ))}
      <Output item={item} />
    </div>
  )
}

function Input({ item }: { item: ToolItem }) {
  const { input, tool } = item
  const todos = todoList(input)
  if (todos) return <PlanList entries={todos} />
  if (tool === 'execute') {
    const command = field(input, 'command', 'script', 'cmd') ?? item.title
    return (
      <pre className="command" dir="ltr">
        {visible(command)}
      </pre>
    )
  }
  if (tool === 'edit' && item.edits.length > 0) return null
  const url = field(input, 'url')
  if (tool === 'fetch' && url) {
    const leads = /^https?:/i.test(url)
    return (
      <p className="mono">
        {leads ? (
          <a href={url} target="_blank" rel="noreferrer noopener nofollow">
            {visible(url)}
          </a>
        ) : (
          visible(url)
        )}
      </p>
    )
  }
  if (input === null || input === undefined || (typeof input === 'object' && Object.keys(input).length === 0))
    return null
  if (typeof input !== 'object') return <pre dir="auto">{visible(String(input))}</pre>
  return (
    <dl className="fields">
      {Object.entries(input).map(([name, value]) => (
        <div key={name}>
          <dt className="dim">{visible(name)}</dt>
          <dd>
            <pre dir="auto">
              {visible(typeof value === 'string' ? value : JSON.stringify(value, null, 2)).slice(0, SHOWN)}
            </pre>
          </dd>
        </div>
      ))}
    </dl>
  )
}

function Output({ item }: { item: ToolItem }) {
  const length = item.output.reduce((sum, part) => sum + part.text.length, 0)
  if (length === 0 && item.omitted === 0) return null
  let skip = Math.max(0, length - SHOWN)
  const parts = item.output.flatMap((part, index) => {
    const text = part.text.slice(Math.min(skip, part.text.length))
    skip = Math.max(0, skip - part.text.length)
    return text ? [{ ...part, text, index }] : []
  })
  const left = item.omitted + Math.max(0, length - SHOWN)
  return (
    <div>
      {left > 0 && (
        <p className="dim">{bytes(left)} before this are left out: the raw log has what was kept.</p>
      )}
      <pre className="output" tabIndex={0} dir="ltr">
        {parts.map(part => (
          <span key={part.index} className={part.stderr ? 'stderr' : undefined}>
            <Ansi text={part.text} />
          </span>
        ))}
      </pre>
    </div>
  )
}

/** The list of a tool that keeps one, if it is one. */
function todoList(
  input: unknown,
): { text: string; status: 'pending' | 'running' | 'completed' | 'failed' }[] | undefined {
  const todos = typeof input === 'object' && input !== null ? (input as { todos?: unknown }).todos : undefined
  if (!Array.isArray(todos)) return undefined
  return todos.map(todo => {
    const entry = (typeof todo === 'object' && todo !== null ? todo : { content: todo }) as Record<
      string,
      unknown
    >
    const status = String(entry.status ?? 'pending')
    return {
      text: String(entry.content ?? entry.text ?? entry.title ?? ''),
      status:
        status === 'completed' || status === 'done'
          ? 'completed'
          : status === 'in_progress'
            ? 'running'
            : 'pending',
    }
  })
}
