import { api, call } from '../api/client'
import type { Event, Mission } from '../api/schema'
import { follow } from '../live/connection'
import type { FeedState } from '../live/feed'
import { Fold } from './fold'
import type { Item } from './items'

/** Events of the first page, and of each further one. */
const FIRST_PAGE = 300
const PAGE = 1000
/** Entries beyond which a reader who keeps to the end gets the end alone again: a mission may go on for days. */
const MOST = 5000

export type Load = (mission: string, after: number, limit: number) => Promise<Event[]>

const load: Load = async (id, after, limit) => {
  const path = { id }
  const answer = await call(
    api.GET('/api/v1/missions/{id}/events', { params: { path, query: { after, limit } } }),
  )
  return (answer as { items: Event[] }).items
}

/** What is known of a mission's log: all between two places, of which the later is the end unless a reader is elsewhere.
 * It lives outside React: a list listens for the version, and a row for its own entry. */
export class MissionLog {
  #fold = new Fold()
  #listeners = new Set<() => void>()
  #rows = new Map<Item, Set<() => void>>()
  #waiting: Event[] = []
  #busy: Promise<void> | undefined
  #stop: (() => void) | undefined
  #generation = 0
  /** Grows when entries come or go. */
  version = 0
  /** Places between which all is known: after the first, up to the last. */
  first = 0
  last = 0
  /** The end of the log as the server tells it. */
  end = 0
  ready = false
  error: unknown
  /** Whether the reader keeps to the end. */
  pinned = true
  #renewing = false
  /** How its stream stands. */
  feed: FeedState = 'connecting'

  constructor(
    readonly mission: string,
    private loader: Load = load,
  ) {}

  get items(): readonly Item[] {
    return this.#fold.items
  }

  get atEnd() {
    return this.last >= this.end
  }

  find = (key: string) => this.#fold.find(key)

  subscribe = (listener: () => void) => {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  getVersion = () => this.version

  subscribeRow(item: Item, listener: () => void) {
    const listeners = this.#rows.get(item) ?? new Set()
    listeners.add(listener)
    this.#rows.set(item, listeners)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#rows.delete(item)
    }
  }

  /** Loads what is around a place, or the end, and follows what comes. */
  async open(end: number, at?: number) {
    this.end = Math.max(this.end, end)
    await this.#begin(at)
  }

  /** Begins to listen. */
  follow() {
    this.#stop?.()
    this.#stop = follow(this.mission, {
      events: events => this.receive(events),
      state: state => {
        this.feed = state
        // What could not be loaded can be now.
        if (state === 'live' && !this.ready) void this.#begin()
        this.#tell()
      },
      summary: mission => this.summary(mission),
      position: () => this.end,
    })
  }

  close() {
    this.#generation += 1
    this.#stop?.()
    this.#stop = undefined
  }

  async #begin(at?: number) {
    const generation = ++this.#generation
    const after = at === undefined ? Math.max(0, this.end - FIRST_PAGE) : Math.max(0, at - FIRST_PAGE / 2)
    try {
      const events = await this.loader(this.mission, after, FIRST_PAGE)
      if (generation !== this.#generation) return
      this.#fold = new Fold()
      this.#fold.push(events)
      this.first = after
      this.last = events.at(-1)?.seq ?? after
      this.end = Math.max(this.end, this.last)
      this.ready = true
      this.error = undefined
    } catch (error) {
      if (generation !== this.#generation) return
      this.error = error
    }
    this.version += 1
    this.#tell()
    this.#drain()
  }

  /** Shows the end again. */
  toEnd() {
    return this.atEnd ? Promise.resolve() : this.#begin()
  }

  /** Shows what is around a place. */
  toPlace(seq: number) {
    return seq > this.first && seq <= this.last ? Promise.resolve() : this.#begin(seq)
  }

  /** Loads what was before. */
  older = () =>
    this.#alone(async generation => {
      if (this.first === 0) return
      const after = Math.max(0, this.first - PAGE)
      const events = await this.loader(this.mission, after, this.first - after)
      if (generation !== this.#generation) return
      const earlier = new Fold()
      earlier.push(events.filter(event => event.seq <= this.first))
      this.#fold.prepend(earlier)
      this.first = after
      this.version += 1
      this.#tell()
    })

  /** Loads what comes next, where the end is not shown. */
  newer = () =>
    this.#alone(async generation => {
      while (this.last < this.end) {
        const events = await this.loader(this.mission, this.last, PAGE)
        if (generation !== this.#generation || events.length === 0) return
        this.#append(events)
        if (!this.#wanted) return
      }
    })

  /** Whether what comes is to be caught up with: the end was shown when it came. */
  #wanted = false

  /** One load at a time. */
  #alone(work: (generation: number) => Promise<void>): Promise<void> {
    this.#busy ??= work(this.#generation)
      .then(
        () => {
          this.error = undefined
        },
        error => {
          this.error = error
          this.#tell()
        },
      )
      .finally(() => {
        this.#busy = undefined
        this.#drain()
      })
    return this.#busy
  }

  /** Events of the stream. Whoever is behind, because they came while it was elsewhere, loads what is between. */
  receive(events: Event[]) {
    const newest = events.at(-1)
    if (!newest || newest.seq <= this.last) return
    this.#waiting.push(...events)
    const wasAtEnd = this.atEnd
    this.end = Math.max(this.end, newest.seq)
    if (wasAtEnd) this.#wanted = true
    this.#drain()
  }

  #drain() {
    if (!this.ready || this.#busy) return
    const waiting = this.#waiting.splice(0).filter(event => event.seq > this.last)
    const first = waiting[0]
    if (!first) {
      if (this.#wanted && this.last < this.end) void this.newer()
      return
    }
    if (first.seq === this.last + 1) {
      this.#append(waiting)
      this.#wanted = false
    } else if (this.#wanted) void this.newer()
    else this.#tell()
  }

  #append(events: Event[]) {
    const before = this.#fold.items.length
    const fresh = events.filter(event => event.seq > this.last)
    this.#fold.push(fresh)
    this.last = fresh.at(-1)?.seq ?? this.last
    this.end = Math.max(this.end, this.last)
    if (this.#fold.items.length !== before) this.version += 1
    this.#tell()
    if (!this.pinned || this.#renewing || this.#fold.items.length <= MOST) return
    this.#renewing = true
    this.#wanted = true
    void this.#begin().finally(() => {
      this.#renewing = false
    })
  }

  /** The mission as it stands: where it has no stream of its own, or that is behind, what is missing is loaded. */
  summary(mission: Mission) {
    if (mission.last_seq <= this.end || this.feed === 'live') return
    const wasAtEnd = this.atEnd
    this.end = mission.last_seq
    if (wasAtEnd) {
      this.#wanted = true
      this.#drain()
    }
  }

  #tell() {
    for (const item of this.#fold.changed) {
      for (const listener of this.#rows.get(item) ?? []) listener()
    }
    this.#fold.changed.clear()
    for (const listener of this.#listeners) listener()
  }
}
