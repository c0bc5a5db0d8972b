import type { Event, Mission } from '../api/schema'
import { Feed, type FeedState } from './feed'

/** What a page says to the hub. */
export type ToHub =
  | { type: 'watch'; missions: { id: string; after: number }[] }
  | { type: 'retry' }
  | { type: 'bye' }

/** What the hub says to a page. */
export type FromHub =
  | { type: 'state'; state: FeedState; since: number }
  | { type: 'missions'; missions: Mission[] }
  | { type: 'events'; mission: string; events: Event[] }
  | { type: 'mission-state'; mission: string; state: FeedState }

/** One page. */
export interface Port {
  send(message: FromHub): void
}

/** Streams of single missions that are open at once. Over plain HTTP a browser has six connections to a server, and pages
 * need some for requests. A mission beyond that is followed by its summaries. */
const MOST_STREAMS = 3
/** What comes within this time is handed over together. */
const FLUSH = 50

interface MissionFeed {
  feed: Feed
  events: Event[]
}

/** The one place of a browser that holds streams, for all its pages. */
export class Hub {
  #ports = new Map<Port, { id: string; after: number }[]>()
  #summaries: Feed | undefined
  #state: { state: FeedState; since: number } = { state: 'connecting', since: Date.now() }
  #missions = new Map<string, Mission>()
  #feeds = new Map<string, MissionFeed>()
  #flush: ReturnType<typeof setTimeout> | undefined

  constructor(private open: typeof openFeed = openFeed) {}

  attach(port: Port) {
    this.#ports.set(port, [])
    this.#summaries ??= this.open('/api/v1/stream', undefined, {
      event: event => {
        const mission = JSON.parse(event.data) as Mission
        this.#missions.set(mission.id, mission)
        this.#schedule()
      },
      state: state => {
        this.#state = { state, since: Date.now() }
        for (const port of this.#ports.keys()) port.send({ type: 'state', ...this.#state })
      },
    })
    port.send({ type: 'state', ...this.#state })
  }

  detach(port: Port) {
    this.#ports.delete(port)
    this.#settle()
    if (this.#ports.size === 0) {
      this.#summaries?.close()
      this.#summaries = undefined
      this.#state = { state: 'connecting', since: Date.now() }
    }
  }

  receive(port: Port, message: ToHub) {
    if (message.type === 'bye') this.detach(port)
    else if (message.type === 'retry') {
      this.#summaries?.retry()
      for (const { feed } of this.#feeds.values()) feed.retry()
    } else if (this.#ports.has(port)) {
      this.#ports.set(port, message.missions)
      this.#settle()
      for (const { id } of message.missions) {
        const state = this.#feeds.get(id)?.feed.state
        if (state) port.send({ type: 'mission-state', mission: id, state })
      }
    }
  }

  /** Opens and closes streams so that the missions that were asked for last have one. */
  #settle() {
    const wanted = new Map<string, number>()
    for (const missions of this.#ports.values()) {
      for (const { id, after } of missions) wanted.set(id, Math.max(after, wanted.get(id) ?? 0))
    }
    for (const id of [...wanted.keys()].slice(0, Math.max(0, wanted.size - MOST_STREAMS))) wanted.delete(id)
    for (const [id, { feed }] of this.#feeds) {
      if (!wanted.has(id)) {
        feed.close()
        this.#feeds.delete(id)
      }
    }
    for (const [id, after] of wanted) {
      if (this.#feeds.has(id)) continue
      const events: Event[] = []
      const feed = this.open(`/api/v1/missions/${id}/stream`, String(after), {
        event: event => {
          events.push(JSON.parse(event.data) as Event)
          this.#schedule()
        },
        state: state => this.#tell(id, { type: 'mission-state', mission: id, state }),
      })
      this.#feeds.set(id, { feed, events })
    }
  }

  #tell(mission: string, message: FromHub) {
    for (const [port, missions] of this.#ports) {
      if (missions.some(({ id }) => id === mission)) port.send(message)
    }
  }

  #schedule() {
    this.#flush ??= setTimeout(() => {
      this.#flush = undefined
      if (this.#missions.size > 0) {
        const missions = [...this.#missions.values()]
        this.#missions.clear()
        for (const port of this.#ports.keys()) port.send({ type: 'missions', missions })
      }
      for (const [id, { events }] of this.#feeds) {
        if (events.length > 0) this.#tell(id, { type: 'events', mission: id, events: events.splice(0) })
      }
    }, FLUSH)
  }
}

function openFeed(...[url, after, events]: [...ConstructorParameters<typeof Feed>]): Feed {
  return new Feed(url, after, events)
}
