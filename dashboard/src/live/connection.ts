import type { Event, Mission } from '../api/schema'
import { session } from '../session'
import { Signal } from '../signal'
import type { FeedState } from './feed'
import { type FromHub, Hub, type Port, type ToHub } from './hub'

/** After this time a page that nobody sees lets go of its missions. */
const HIDDEN = 30_000

/** How live this page is, and since when. */
export interface Link {
  state: FeedState
  since: number
}

export const link = new Signal<Link>({ state: 'connecting', since: Date.now() })

export interface MissionListener {
  events(events: Event[]): void
  state(state: FeedState): void
  /** The summary of the mission, which also comes where it has no stream of its own. */
  summary(mission: Mission): void
  /** Place of the last event that is known. */
  position(): number
}

const summaryListeners = new Set<(missions: Mission[]) => void>()
const watched = new Map<string, Set<MissionListener>>()
let say: ((message: ToHub) => void) | undefined
let hidden: ReturnType<typeof setTimeout> | undefined
let asleep = false

/** Begins to listen; once a page, after the sign-in. */
export function connect() {
  if (say) return say({ type: 'retry' })
  say = open()
  addEventListener('online', () => say?.({ type: 'retry' }))
  addEventListener('pagehide', () => say?.({ type: 'bye' }))
  // A page that comes back out of the browser's memory has been forgotten by the hub.
  window.addEventListener('pageshow', (event: PageTransitionEvent) => {
    if (!event.persisted) return
    say = open()
    watch()
  })
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hidden)
    if (document.hidden) {
      hidden = setTimeout(() => {
        asleep = true
        watch()
      }, HIDDEN)
    } else {
      asleep = false
      say?.({ type: 'retry' })
      watch()
    }
  })
  watch()
}

/** Listens to the summaries of all missions. */
export function onMissions(listener: (missions: Mission[]) => void): () => void {
  summaryListeners.add(listener)
  return () => summaryListeners.delete(listener)
}

/** Follows one mission. */
export function follow(mission: string, listener: MissionListener): () => void {
  const listeners = watched.get(mission) ?? new Set()
  listeners.add(listener)
  watched.set(mission, listeners)
  watch()
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) watched.delete(mission)
    watch()
  }
}

function watch() {
  const missions = asleep ? [] : [...watched]
  say?.({
    type: 'watch',
    missions: missions.map(([id, listeners]) => ({
      id,
      after: Math.max(...[...listeners].map(listener => listener.position())),
    })),
  })
}

function open(): (message: ToHub) => void {
  if (typeof SharedWorker === 'function') {
    try {
      const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), {
        type: 'module',
        name: 'live',
      })
      worker.port.onmessage = (message: MessageEvent<FromHub>) => receive(message.data)
      return message => worker.port.postMessage(message)
    } catch {
      // A browser that has none for this page gets the streams in the page itself.
    }
  }
  const hub = new Hub()
  const port: Port = { send: receive }
  hub.attach(port)
  return message => hub.receive(port, message)
}

function receive(message: FromHub) {
  if (message.type === 'state') {
    link.set({ state: message.state, since: message.since })
    if (message.state === 'denied') session.ended()
  } else if (message.type === 'missions') {
    for (const listener of summaryListeners) listener(message.missions)
    for (const mission of message.missions) {
      for (const listener of watched.get(mission.id) ?? []) listener.summary(mission)
    }
  } else if (message.type === 'events') {
    for (const listener of watched.get(message.mission) ?? []) listener.events(message.events)
  } else {
    for (const listener of watched.get(message.mission) ?? []) listener.state(message.state)
  }
}
