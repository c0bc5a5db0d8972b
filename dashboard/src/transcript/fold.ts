import type { Event, StateChange } from '../api/schema'
import type { Item, ToolItem } from './items'

/** The most text of one output, message or thought that is kept. The rest is in the mission's log. */
const LONGEST = 512 * 1024

type Body<K extends Event['kind']> = Extract<Event, { kind: K }>['body']

/** Makes entries of events. Events come in order; what comes in parts is put together. */
export class Fold {
  /** What is not within something else, in order. */
  items: Item[] = []
  #known = new Map<string, Item>()
  #turns = new Map<number, { began: string; files: number }>()
  #retrying: Item | undefined
  /** Entries that were changed since somebody asked. */
  changed = new Set<Item>()

  /** Takes further events. */
  push(events: Iterable<Event>) {
    for (const event of events) this.#one(event)
  }

  /** The entry of a tool call, an approval or a message. */
  find(key: string): Item | undefined {
    return this.#known.get(key)
  }

  /** Puts what happened before in front. */
  prepend(earlier: Fold) {
    for (const [turn, facts] of earlier.#turns) {
      const mine = this.#turns.get(turn)
      this.#turns.set(turn, mine ? { began: facts.began, files: facts.files + mine.files } : facts)
    }
    const replaced = new Set<Item>()
    for (const [key, old] of earlier.#known) {
      const mine = this.#known.get(key)
      if (mine) {
        join(old, mine)
        replaced.add(mine)
      }
      this.#known.set(key, old)
    }
    const kept = this.items.filter(item => !replaced.has(item))
    // What was begun before is known to be within something now.
    const loose = kept.filter(item => item.parent && this.#parent(item.parent))
    for (const item of loose) this.#parent(item.parent)?.children.push(item)
    const placed = new Set<Item>(loose)
    this.items = [...earlier.items, ...kept.filter(item => !placed.has(item))]
    for (const item of this.items) {
      if (item.kind === 'turn' && !item.began) {
        const turn = this.#turns.get(item.turn)
        if (turn) {
          item.began = turn.began
          item.files = turn.files
          this.#touch(item, item.last)
        }
      }
    }
  }

  #parent(id: string | undefined): ToolItem | undefined {
    const item = id === undefined ? undefined : this.#known.get(`tool:${id}`)
    return item?.kind === 'tool' ? item : undefined
  }

  #touch(item: Item, seq: number) {
    item.revision += 1
    item.last = Math.max(item.last, seq)
    this.changed.add(item)
    for (let above = this.#parent(item.parent); above; above = this.#parent(above.parent)) {
      above.revision += 1
      this.changed.add(above)
    }
  }

  #add<T extends Item>(item: T): T {
    this.#known.set(item.key, item)
    const parent = this.#parent(item.parent)
    if (parent) parent.children.push(item)
    else this.items.push(item)
    this.#touch(item, item.seq)
    return item
  }

  #one(event: Event) {
    const { seq, at, turn } = event
    const entry = (key: string, parent?: string | null) => ({
      key,
      seq,
      last: seq,
      at,
      turn,
      revision: 0,
      parent: parent ?? undefined,
    })
    const alone = () => entry(`event:${seq}`)
    if (event.kind !== 'retry') this.#retrying = undefined
    switch (event.kind) {
      case 'message': {
        const { id, role, parent, text, attachments = [] } = event.body
        const known = this.#known.get(`message:${id}`)
        if (known?.kind === 'message') {
          known.text = capped(known.text, text)
          known.attachments.push(...attachments)
          this.#touch(known, seq)
        } else
          this.#add({
            ...entry(`message:${id}`, parent),
            kind: 'message',
            role,
            text,
            attachments: [...attachments],
          })
        break
      }
      case 'thought': {
        const { id, parent, text } = event.body
        const known = this.#known.get(`thought:${id}`)
        if (known?.kind === 'thought') {
          known.text = capped(known.text, text)
          known.ended = at
          this.#touch(known, seq)
        } else this.#add({ ...entry(`thought:${id}`, parent), kind: 'thought', text, ended: at })
        break
      }
      case 'tool_call':
        this.#toolCall(event.body, entry(`tool:${event.body.id}`, event.body.parent))
        break
      case 'tool_output':
        this.#toolOutput(event.body, entry(`tool:${event.body.id}`))
        break
      case 'approval': {
        const known = this.#known.get(`ask:${event.body.id}`)
        if (known?.kind === 'approval') {
          known.approval = event.body
          this.#touch(known, seq)
        } else this.#add({ ...entry(`ask:${event.body.id}`), kind: 'approval', approval: event.body })
        break
      }
      case 'question': {
        const known = this.#known.get(`ask:${event.body.id}`)
        if (known?.kind === 'question') {
          known.question = event.body
          this.#touch(known, seq)
        } else this.#add({ ...entry(`ask:${event.body.id}`), kind: 'question', question: event.body })
        break
      }
      case 'plan': {
        const known = this.#known.get(`plan:${turn}`)
        if (known?.kind === 'plan') {
          known.entries = event.body.entries
          this.#touch(known, seq)
        } else this.#add({ ...entry(`plan:${turn}`), kind: 'plan', entries: event.body.entries })
        break
      }
      case 'turn_started':
        this.#turns.set(turn, { began: at, files: 0 })
        break
      case 'turn_ended': {
        const known = this.#turns.get(turn)
        this.#settle(turn, at)
        this.#add({
          ...entry(`turn:${turn}`),
          kind: 'turn',
          outcome: event.body.outcome,
          reason: event.body.reason,
          began: known?.began,
          files: known?.files ?? 0,
        })
        break
      }
      case 'file_change': {
        const facts = this.#turns.get(turn)
        if (facts) facts.files += 1
        const last = this.items.at(-1)
        if (last?.kind === 'files' && last.turn === turn) {
          last.files.push(event.body)
          this.#touch(last, seq)
        } else this.#add({ ...alone(), kind: 'files', files: [event.body] })
        break
      }
      case 'state':
        this.#state(event.body, alone())
        break
      case 'notice': {
        const { level, text, code } = event.body
        this.#add({ ...alone(), kind: 'note', tone: level, text, code })
        break
      }
      case 'error': {
        const { message, code, hint } = event.body
        this.#add({ ...alone(), kind: 'note', tone: 'error', text: message, code, hint: hint ?? undefined })
        break
      }
      case 'retry': {
        const { attempt, delay_ms, reason } = event.body
        const text = `Trying again (${attempt}) in ${Math.ceil(delay_ms / 1000)} s: ${reason}`
        if (this.#retrying?.kind === 'note') {
          this.#retrying.text = text
          this.#touch(this.#retrying, seq)
        } else this.#retrying = this.#add({ ...alone(), kind: 'note', tone: 'warning', text })
        break
      }
      case 'connections': {
        const { host, port, allowed, reason, count } = event.body
        // What was let out is told in the workspace's own page.
        if (allowed) break
        const times = count > 1 ? ` (${count} times)` : ''
        this.#add({
          ...alone(),
          kind: 'note',
          tone: 'warning',
          text: `Not let out: ${host}:${port}${times}`,
          code: reason,
        })
        break
      }
      case 'ports':
        this.#add({ ...alone(), kind: 'ports', opened: event.body.opened })
        break
      case 'other':
        this.#add({ ...alone(), kind: 'other', name: event.body.name, value: event.body.value })
        break
      case 'usage':
      case 'session':
      case 'run_started':
      case 'run_ended':
        break
    }
  }

  #toolCall(body: Body<'tool_call'>, entry: Omit<ToolItem, 'kind' | keyof ToolFacts>) {
    const over = body.status === 'completed' || body.status === 'failed'
    const facts = {
      title: body.title,
      tool: body.tool_kind,
      status: body.status,
      input: body.input,
      exitCode: body.exit_code ?? undefined,
      edits: body.edits ?? [],
      partial: false,
    }
    const known = this.#known.get(entry.key)
    if (known?.kind === 'tool') {
      Object.assign(known, facts)
      if (over) known.ended = entry.at
      this.#touch(known, entry.seq)
    } else {
      const ended = over ? entry.at : undefined
      this.#add({
        ...entry,
        ...facts,
        kind: 'tool',
        id: body.id,
        output: [],
        omitted: 0,
        children: [],
        ended,
      })
    }
  }

  #toolOutput(body: Body<'tool_output'>, entry: Omit<ToolItem, 'kind' | keyof ToolFacts>) {
    let item = this.#known.get(entry.key)
    if (item?.kind !== 'tool') {
      item = this.#add({
        ...entry,
        kind: 'tool',
        id: body.id,
        title: 'Began earlier',
        tool: 'execute',
        status: 'running',
        input: null,
        edits: [],
        output: [],
        omitted: 0,
        children: [],
        partial: true,
      })
    }
    const stderr = body.stream === 'stderr'
    const last = item.output.at(-1)
    item.omitted += body.omitted_bytes ?? 0
    if (last && last.stderr === stderr) last.text += body.text
    else item.output.push({ stderr, text: body.text })
    trim(item)
    this.#touch(item, entry.seq)
  }

  /** What is told of a mission's states, beyond what turns tell. */
  #state(body: StateChange, entry: Omit<Extract<Item, { kind: 'note' }>, 'kind' | 'tone' | 'text'>) {
    const say = (tone: 'info' | 'warning' | 'error', text: string) =>
      this.#add({ ...entry, kind: 'note', tone, text })
    if (body.to === 'cancelled') say('warning', `Cancelled: ${body.cause}`)
    else if (body.to === 'interrupted') say('error', `Interrupted: ${body.cause}`)
    else if (body.to === 'parked') say('warning', `Parked: ${body.cause}`)
    else if (body.to === 'done') say('info', `Done: ${body.cause}`)
    else if (body.to === 'failed') say('error', `Failed: ${body.cause}`)
    else if (body.to === 'queued' && body.from && body.from !== 'awaiting_user')
      say('info', `Queued: ${body.cause}`)
  }

  /** What was under way when a turn ended goes on no longer. */
  #settle(turn: number, at: string) {
    for (let index = this.items.length - 1; index >= 0; index -= 1) {
      const item = this.items[index]
      if (!item || item.turn < turn) break
      if (item.kind === 'tool' && !item.ended && item.status !== 'completed' && item.status !== 'failed') {
        item.ended = at
        this.#touch(item, item.last)
      }
    }
  }
}

type ToolFacts = Pick<
  ToolItem,
  | 'id'
  | 'title'
  | 'tool'
  | 'status'
  | 'input'
  | 'exitCode'
  | 'edits'
  | 'output'
  | 'omitted'
  | 'ended'
  | 'children'
  | 'partial'
>

/** Adds to the older part of an entry what is known of it from later on. */
function join(old: Item, later: Item) {
  old.last = Math.max(old.last, later.last)
  old.revision += later.revision + 1
  if ((old.kind === 'message' || old.kind === 'thought') && old.kind === later.kind) {
    old.text = capped(old.text, later.text)
    if (old.kind === 'message' && later.kind === 'message') old.attachments.push(...later.attachments)
    if (old.kind === 'thought' && later.kind === 'thought') old.ended = later.ended
  } else if (old.kind === 'tool' && later.kind === 'tool') {
    old.output.push(...later.output)
    old.omitted += later.omitted
    old.children.push(...later.children)
    old.ended = later.ended ?? old.ended
    if (!later.partial) {
      const { title, tool, status, input, exitCode, edits } = later
      Object.assign(old, { title, tool, status, input, exitCode, edits, partial: false })
    }
    trim(old)
  } else if (old.kind === 'approval' && later.kind === 'approval') old.approval = later.approval
  else if (old.kind === 'question' && later.kind === 'question') old.question = later.question
  else if (old.kind === 'plan' && later.kind === 'plan') old.entries = later.entries
}

function capped(text: string, piece: string): string {
  return text.length >= LONGEST ? text : text + piece.slice(0, LONGEST - text.length)
}

/** Keeps the end of an output that is too long: that is where it stands. */
function trim(item: ToolItem) {
  let size = item.output.reduce((sum, part) => sum + part.text.length, 0)
  while (size > LONGEST && item.output.length > 0) {
    const first = item.output[0]
    if (!first) break
    // A quarter at a time, so that a busy output is not copied with each piece.
    const cut = Math.min(first.text.length, Math.max(size - LONGEST, LONGEST / 4))
    first.text = first.text.slice(cut)
    item.omitted += cut
    size -= cut
    if (first.text === '') item.output.shift()
  }
}
