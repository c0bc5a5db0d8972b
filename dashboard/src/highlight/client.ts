import type { Language } from './languages'
import type { Lines } from './tokens'

/** Code that is to be coloured. The same text of the same language is the same to everybody. */
export interface Source {
  readonly key: string
  readonly text: string
  readonly language: Language
}

export interface Asked {
  id: number
  text: string
  language: Language
}

export interface Coloured {
  id: number
  lines: Lines
}

/** What a highlighter needs of a worker. */
export interface WorkerLike {
  postMessage(message: Asked): void
  terminate(): void
  onmessage: ((event: MessageEvent<Coloured>) => void) | null
  onerror: ((event: ErrorEvent) => void) | null
}

/** Longer text stays as it is. */
export const LONGEST = 60_000
/** Text with a longer line was not written by hand, and takes patterns the longest. */
const LONGEST_LINE = 5000
/** Characters of coloured text that are kept. */
const KEPT = 1_000_000
/** A text that takes longer is given up, with the worker that is at it. */
const WITHIN = 4000
/** After so many failures without a success the browser has no workers for this page: all stays plain. */
const FAILURES = 5

/** Code that can be coloured; nothing where it is too long, or its language is not known. */
export function source(text: string | undefined, language: Language | undefined): Source | undefined {
  if (!text || !language || text.length > LONGEST) return undefined
  if (text.length > LONGEST_LINE && text.split('\n').some(line => line.length > LONGEST_LINE))
    return undefined
  return { key: `${language}\n${text}`, text, language }
}

interface Job {
  source: Source
  listeners: Set<() => void>
}

/** Gives code to a worker, one text at a time, and keeps what came back. The worker is started with the first text. A text that
 * nobody waits for any more is not begun. */
export class Highlighter {
  #known = new Map<string, Lines | 'plain'>()
  #size = 0
  #waiting = new Map<string, Job>()
  #worker: WorkerLike | undefined
  #now: { id: number; job: Job; timer: ReturnType<typeof setTimeout> } | undefined
  #last = 0
  #failures = 0

  constructor(
    private start: () => WorkerLike,
    private within = WITHIN,
  ) {}

  /** The coloured lines, if they are there. */
  lines({ key }: Source): Lines | undefined {
    const known = this.#known.get(key)
    return known === 'plain' ? undefined : known
  }

  /** Wants a text coloured; `done` is called when it is known how. Answers what no longer wants it. */
  want(source: Source, done: () => void): () => void {
    if (this.#known.has(source.key) || this.#failures >= FAILURES) return () => {}
    const job = this.#waiting.get(source.key) ?? { source, listeners: new Set() }
    job.listeners.add(done)
    this.#waiting.set(source.key, job)
    this.#next()
    return () => {
      job.listeners.delete(done)
      if (job.listeners.size === 0 && this.#now?.job !== job) this.#waiting.delete(source.key)
    }
  }

  #next() {
    if (this.#now) return
    // What was wanted last is what is looked at now.
    const job = [...this.#waiting.values()].at(-1)
    if (!job) return
    this.#last += 1
    const id = this.#last
    this.#now = { id, job, timer: setTimeout(() => this.#fail(), this.within) }
    try {
      this.#worker ??= this.#begin()
      this.#worker.postMessage({ id, text: job.source.text, language: job.source.language })
    } catch {
      this.#fail()
    }
  }

  #begin(): WorkerLike {
    const worker = this.start()
    worker.onmessage = ({ data }) => {
      if (data.id !== this.#now?.id) return
      this.#failures = 0
      this.#settle(data.lines)
    }
    worker.onerror = () => this.#fail()
    return worker
  }

  /** The text stays plain, and the next has a worker of its own. */
  #fail() {
    this.#failures += 1
    this.#worker?.terminate()
    this.#worker = undefined
    this.#settle('plain')
  }

  #settle(lines: Lines | 'plain') {
    const now = this.#now
    if (!now) return
    clearTimeout(now.timer)
    this.#now = undefined
    const { key } = now.job.source
    this.#waiting.delete(key)
    this.#known.set(key, lines)
    this.#size += key.length
    for (const [old] of this.#known) {
      if (this.#size <= KEPT) break
      this.#known.delete(old)
      this.#size -= old.length
    }
    for (const listener of now.job.listeners) listener()
    this.#next()
  }
}

export const highlighter = new Highlighter(
  () => new Worker(new URL('./highlighter.ts', import.meta.url), { type: 'module', name: 'colours' }),
)
