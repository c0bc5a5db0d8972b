import { Check, ChevronRight, FilePen } from 'lucide-react'
import { lazy, memo, Suspense } from 'react'
import { AskCard } from '../asks/AskCard'
import { clock, count, counted, duration } from '../ui/format'
import { CameAlong } from './CameAlong'
import { Diff } from './Diff'
import type { FilesItem, Item, ThoughtItem, TurnItem } from './items'
import type { MissionLog } from './log'
import { PlanList } from './PlanList'
import { ToolRow } from './ToolRow'
import { useItem } from './useLog'
import { visible } from './visible'

const Markdown = lazy(() => import('../markdown/Markdown').then(module => ({ default: module.Markdown })))

/** What is open of a transcript, by the keys of entries. */
export interface Openness {
  /** Whether all tool calls are. */
  all: boolean
  keys: ReadonlySet<string>
  toggle: (key: string) => void
}

interface RowProps {
  log: MissionLog
  item: Item
  open: Openness
}

/** One entry. It is rendered again only when it changes itself. */
export const Row = memo(function Row(props: RowProps) {
  const { log, item, open } = props
  useItem(log, item)
  return (
    <>
      <a className="entry-time" href={`?at=${item.seq}`} data-at={item.seq} title="Link to this place">
        {clock(item.at)}
      </a>
      <div className="entry-body">
        <Body log={log} item={item} open={open} />
      </div>
    </>
  )
})

function Body({ log, item, open }: RowProps) {
  switch (item.kind) {
    case 'message':
      if (item.role === 'agent') {
        return (
          <>
            <span className="hidden">Agent:</span>
            <Suspense fallback={<p className="plain">{item.text}</p>}>
              <Markdown text={item.text} />
            </Suspense>
          </>
        )
      }
      return (
        <>
          <span className="hidden">{item.role === 'user' ? 'You:' : 'System:'}</span>
          <Long
            text={item.text}
            itemKey={item.key}
            open={open}
            className={item.role === 'user' ? 'said' : 'plain soft'}
          />
          <CameAlong files={item.attachments} />
        </>
      )
    case 'thought':
      return <Thought item={item} open={open} />
    case 'tool':
      return (
        <ToolRow
          item={item}
          mission={log.mission}
          open={open}
          row={child => <Row log={log} item={child} open={open} />}
        />
      )
    case 'approval':
      return <AskCard mission={log.mission} ask={{ kind: 'approval', ...item.approval }} past />
    case 'question':
      return <AskCard mission={log.mission} ask={{ kind: 'question', ...item.question }} past />
    case 'plan':
      return <PlanList entries={item.entries} />
    case 'turn':
      return <TurnEnd item={item} />
    case 'files':
      return <Files item={item} open={open} />
    case 'ports':
      return (
        <p className="note">
          Listens:{' '}
          {item.opened
            .map(({ port, process }) => `${port}${process ? ` (${visible(process)})` : ''}`)
            .join(', ')}
        </p>
      )
    case 'note':
      return (
        <div className={`note ${item.tone}`}>
          <p dir="auto">
            {item.tone !== 'info' && <b>{item.tone === 'error' ? 'Error: ' : 'Warning: '}</b>}
            {visible(item.text)}
          </p>
          {item.hint && <p className="soft">{visible(item.hint)}</p>}
        </div>
      )
    case 'other':
      return (
        <Fold title={<span className="dim">{visible(item.name)}</span>} itemKey={item.key} open={open}>
          <pre className="raw">{JSON.stringify(item.value, null, 2)}</pre>
        </Fold>
      )
  }
}

function Fold(props: {
  title: React.ReactNode
  itemKey: string
  open: Openness
  always?: boolean
  children: React.ReactNode
  className?: string
}) {
  const flipped = props.open.keys.has(props.itemKey)
  const isOpen = flipped !== (props.always ?? props.open.all)
  return (
    <>
      <button
        type="button"
        className={`fold ${props.className ?? ''}`}
        aria-expanded={isOpen}
        onClick={() => props.open.toggle(props.itemKey)}
      >
        <ChevronRight className="icon chevron" aria-hidden />
        {props.title}
      </button>
      {isOpen && props.children}
    </>
  )
}

/** Text of any length, of which the beginning is shown. */
function Long(props: { text: string; itemKey: string; open: Openness; className: string }) {
  const short = 1200
  const isOpen = props.open.keys.has(props.itemKey)
  const lines = props.text.split('\n')
  const cut = props.text.length > short || lines.length > 12
  const text = cut && !isOpen ? lines.slice(0, 12).join('\n').slice(0, short) : props.text
  return (
    <div className={props.className}>
      <p className="plain" dir="auto">
        {text}
      </p>
      {cut && (
        <button
          type="button"
          className="button bare small"
          aria-expanded={isOpen}
          onClick={() => props.open.toggle(props.itemKey)}
        >
          {isOpen ? 'Show less' : `Show all ${counted(lines.length, 'line')}`}
        </button>
      )}
    </div>
  )
}

function Thought({ item, open }: { item: ThoughtItem; open: Openness }) {
  const took = Date.parse(item.ended) - Date.parse(item.at)
  return (
    <Fold
      title={<span className="dim">{took >= 1000 ? `Thought for ${duration(took)}` : 'Thought'}</span>}
      itemKey={item.key}
      open={open}
      always={false}
    >
      <p className="plain soft thinking" dir="auto">
        {item.text}
      </p>
    </Fold>
  )
}

const OUTCOMES = { completed: 'completed', failed: 'failed', interrupted: 'interrupted' }

function TurnEnd({ item }: { item: TurnItem }) {
  const tone = item.outcome === 'completed' ? 'ok' : item.outcome === 'failed' ? 'fail' : ''
  const took = item.began ? duration(Date.parse(item.at) - Date.parse(item.began)) : undefined
  return (
    <div className="turn-end">
      <span className={`state ${tone}`}>
        {item.outcome === 'completed' ? <Check className="icon" aria-hidden /> : <span aria-hidden>✕</span>}
        <span>
          Turn {item.turn} {OUTCOMES[item.outcome]}
        </span>
      </span>
      <span className="dim">
        {[
          took,
          item.files > 0 ? `${counted(item.files, 'file')} changed` : '',
          item.outcome === 'completed' ? '' : visible(item.reason),
        ]
          .filter(Boolean)
          .join(' · ')}
      </span>
    </div>
  )
}

const CHANGES = { created: 'new', modified: 'changed', deleted: 'deleted' }

function Files({ item, open }: { item: FilesItem; open: Openness }) {
  const added = item.files.reduce((sum, file) => sum + (file.added_lines ?? 0), 0)
  const removed = item.files.reduce((sum, file) => sum + (file.removed_lines ?? 0), 0)
  return (
    <Fold
      title={
        <>
          <FilePen className="icon" aria-hidden />
          <span className="cut grow">
            {item.files.length === 1
              ? visible(item.files[0]?.path ?? '')
              : counted(item.files.length, 'file')}{' '}
            {item.files.length === 1 ? CHANGES[item.files[0]?.change ?? 'modified'] : 'changed'}
          </span>
          <span className="num">
            <span className="plus">+{count(added)}</span> <span className="minus">−{count(removed)}</span>
          </span>
        </>
      }
      itemKey={item.key}
      open={open}
      className="tool-head"
    >
      {item.files.map(file => (
        <Diff key={file.path} path={file.path} note={CHANGES[file.change]} diff={file.diff ?? undefined} />
      ))}
    </Fold>
  )
}
