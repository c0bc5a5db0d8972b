import {
  Bot,
  FilePen,
  FileText,
  Globe,
  Image,
  ListChecks,
  MessageCircleQuestion,
  Search,
  Terminal,
  Wrench,
} from 'lucide-react'
import { lazy, type ReactNode, Suspense } from 'react'
import { count, counted, duration } from '../ui/format'
import { useNow } from '../ui/now'
import { Ansi } from './Ansi'
import { diffSize } from './hunks'
import type { Item, ToolItem } from './items'
import type { Openness } from './Rows'
import { headOf, type ToolView, viewOf } from './tools/view'
import { visible } from './visible'

const ToolBody = lazy(() => import('./tools/ToolBody').then(module => ({ default: module.ToolBody })))

const ICONS: Record<ToolView['kind'], typeof Bot> = {
  shell: Terminal,
  edit: FilePen,
  read: FileText,
  image: Image,
  search: Search,
  fetch: Globe,
  web: Globe,
  plan: ListChecks,
  agent: Bot,
  question: MessageCircleQuestion,
  other: Wrench,
}

/** Lines of a program's output that are shown while its call is closed. */
const PREVIEW = 8

interface Props {
  item: ToolItem
  mission: string
  open: Openness
  /** Renders what happened within it. */
  row: (item: Item) => ReactNode
}

/** A tool call: one line, and all of it where it is opened. */
export function ToolRow({ item, mission, open, row }: Props) {
  const view = viewOf(item)
  const Icon = ICONS[view.kind]
  const { verb, subject, note } = headOf(item, view)
  const isOpen = open.keys.has(item.key) !== open.all
  return (
    <>
      <button
        type="button"
        className="fold tool-head"
        aria-expanded={isOpen}
        onClick={() => open.toggle(item.key)}
      >
        <Icon className="icon" aria-hidden />
        {verb && <span className="tool-verb">{verb}</span>}
        <span className="tool-subject grow">
          <code className="cut" dir="ltr">
            {visible(subject)}
          </code>
          {note && <span className="dim cut">{visible(note)}</span>}
        </span>
        <ToolStanding item={item} />
      </button>
      {isOpen ? (
        <Suspense fallback={<p className="dim">…</p>}>
          <ToolBody item={item} view={view} mission={mission} />
        </Suspense>
      ) : (
        view.kind === 'shell' &&
        item.output.length > 0 && <Preview item={item} onAll={() => open.toggle(item.key)} />
      )}
      {item.children.length > 0 && <Within item={item} open={open} isOpen={isOpen} row={row} />}
    </>
  )
}

function ToolStanding({ item }: { item: ToolItem }) {
  const running = !item.ended && (item.status === 'running' || item.status === 'pending')
  if (running) return <Since at={item.at} />
  const took = item.ended ? Date.parse(item.ended) - Date.parse(item.at) : undefined
  return (
    <span className="tool-standing num">
      {item.status === 'failed' && (
        <span className="state fail">
          <span aria-hidden>✕</span>
          <span>{item.exitCode === undefined ? 'failed' : `exit ${item.exitCode}`}</span>
        </span>
      )}
      <EditSize item={item} />
      {took !== undefined && took > 0 && <span className="dim">{duration(took)}</span>}
    </span>
  )
}

function EditSize({ item }: { item: ToolItem }) {
  const sizes = item.edits.map(({ diff }) => diffSize(diff))
  if (sizes.length === 0) return null
  return (
    <span>
      <span className="plus">+{count(sizes.reduce((sum, size) => sum + size.added, 0))}</span>{' '}
      <span className="minus">−{count(sizes.reduce((sum, size) => sum + size.removed, 0))}</span>
    </span>
  )
}

function Since({ at }: { at: string }) {
  const now = useNow(1000)
  return (
    <span className="tool-standing">
      <span className="state running num">
        <span aria-hidden>●</span>
        <span>{duration(Math.max(0, Math.floor((now - Date.parse(at)) / 1000) * 1000))}</span>
      </span>
    </span>
  )
}

function Preview({ item, onAll }: { item: ToolItem; onAll: () => void }) {
  const whole = item.output.map(({ text }) => text).join('')
  const lines = whole.slice(-8000).replace(/\n$/, '').split('\n')
  const hidden = whole.length > 8000 || lines.length > PREVIEW
  return (
    <div className="tool-preview">
      {hidden && (
        <button type="button" className="button bare small" onClick={onAll}>
          Show all {counted(whole.split('\n').length - 1, 'line')}
        </button>
      )}
      <pre dir="ltr">
        <Ansi text={lines.slice(-PREVIEW).join('\n')} />
      </pre>
    </div>
  )
}

/** What a sub-agent does: its last steps, or all of them. */
function Within({ item, open, isOpen, row }: Omit<Props, 'mission'> & { isOpen: boolean }) {
  const shown = item.children.slice(isOpen ? -200 : -3)
  const before = item.children.length - shown.length
  return (
    <div className="within">
      {before > 0 && (
        <button
          type="button"
          className="button bare small"
          onClick={() => open.toggle(item.key)}
          disabled={isOpen}
        >
          {counted(before, 'earlier step')}
        </button>
      )}
      {shown.map(child => (
        <div key={child.key} className={`entry inner ${child.kind}`} data-seq={child.seq}>
          {row(child)}
        </div>
      ))}
    </div>
  )
}
