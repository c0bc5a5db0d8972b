import type {
  Approval,
  ChangeKind,
  Connections,
  Edit,
  FileChange,
  MessageAttachment,
  MessageRole,
  OpenedPort,
  PlanEntry,
  Question,
  ToolKind,
  ToolStatus,
  TurnOutcome,
} from '../api/schema'

/** What every entry of a transcript has. Entries are changed in place; `revision` tells that one was. */
interface Entry {
  key: string
  /** Place of its first event. */
  seq: number
  /** Place of its last event so far. */
  last: number
  at: string
  turn: number
  revision: number
  /** The tool call within which it happened. */
  parent?: string
}

export interface MessageItem extends Entry {
  kind: 'message'
  role: MessageRole
  text: string
  /** The files that came with it. */
  attachments: MessageAttachment[]
}

export interface ThoughtItem extends Entry {
  kind: 'thought'
  text: string
  ended: string
}

export interface Output {
  stderr: boolean
  text: string
}

export interface ToolItem extends Entry {
  kind: 'tool'
  id: string
  title: string
  tool: ToolKind
  status: ToolStatus
  input: unknown
  exitCode?: number
  edits: Edit[]
  output: Output[]
  /** Bytes of output that were left out. */
  omitted: number
  /** When it ended. */
  ended?: string
  /** What happened within it: a sub-agent's work. */
  children: Item[]
  /** Only output of it is known so far: it began before what is loaded. */
  partial: boolean
}

export interface ApprovalItem extends Entry {
  kind: 'approval'
  approval: Approval
}

export interface QuestionItem extends Entry {
  kind: 'question'
  question: Question
}

export interface PlanItem extends Entry {
  kind: 'plan'
  entries: PlanEntry[]
}

export interface TurnItem extends Entry {
  kind: 'turn'
  outcome: TurnOutcome
  reason: string
  /** When the turn began, where that is known. */
  began?: string
  files: number
}

export interface FilesItem extends Entry {
  kind: 'files'
  files: FileChange[]
}

/** A line of which there is no more to tell. */
export interface NoteItem extends Entry {
  kind: 'note'
  tone: 'info' | 'warning' | 'error'
  text: string
  code?: string
  hint?: string
}

export interface PortsItem extends Entry {
  kind: 'ports'
  opened: OpenedPort[]
}

export interface OtherItem extends Entry {
  kind: 'other'
  name: string
  value: unknown
}

export type Item =
  | MessageItem
  | ThoughtItem
  | ToolItem
  | ApprovalItem
  | QuestionItem
  | PlanItem
  | TurnItem
  | FilesItem
  | NoteItem
  | PortsItem
  | OtherItem

export type { ChangeKind, Connections }
