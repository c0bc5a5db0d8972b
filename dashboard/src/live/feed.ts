import { Backoff } from './backoff'
import { type StreamEvent, StreamParser } from './sse'

/** How a stream stands. `denied`: the login has ended; `gone`: there is no such stream any more. */
export type FeedState = 'connecting' | 'live' | 'waiting' | 'denied' | 'gone'

/** The server says something every 15 s: longer silence is a connection that is dead without having been closed. */
const SILENCE = 40_000

export interface FeedEvents {
  event(event: StreamEvent): void
  state(state: FeedState): void
}

/** A stream that is taken up again after the last event that came, until it is closed. */
export class Feed {
  #abort: AbortController | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false
  #backoff = new Backoff()
  /** Place of the last event; nothing begins with events from now on. */
  #after: string | undefined
  state: FeedState = 'connecting'

  constructor(
    private url: string,
    after: string | undefined,
    private events: FeedEvents,
    private fetcher: typeof fetch = fetch.bind(globalThis),
  ) {
    this.#after = after
    void this.#run()
  }

  /** Tries at once where it waits: the network is back, or somebody looks. */
  retry() {
    if (this.#closed || this.state === 'live' || this.state === 'connecting') return
    clearTimeout(this.#timer)
    this.#backoff.reset()
    void this.#run()
  }

  close() {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#abort?.abort()
  }

  #become(state: FeedState) {
    if (this.#closed || this.state === state) return
    this.state = state
    this.events.state(state)
  }

  async #run() {
    const abort = new AbortController()
    this.#abort = abort
    let silence: ReturnType<typeof setTimeout> | undefined
    const heard = () => {
      clearTimeout(silence)
      silence = setTimeout(() => abort.abort(), SILENCE)
    }
    this.#become('connecting')
    try {
      heard()
      const position = this.#after === undefined ? '' : `?after=${encodeURIComponent(this.#after)}`
      const response = await this.fetcher(this.url + position, {
        signal: abort.signal,
        credentials: 'same-origin',
        headers: { accept: 'text/event-stream' },
      })
      if (response.status === 401 || response.status === 403) return this.#become('denied')
      if (response.status === 404) return this.#become('gone')
      if (!response.ok || !response.body) throw new Error(`the stream was answered with ${response.status}`)
      this.#become('live')
      const parser = new StreamParser()
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        heard()
        this.#backoff.reset()
        for (const event of parser.push(part.value)) {
          if (this.#closed) return
          this.#after = event.id
          this.events.event(event)
        }
      }
    } catch {
      // Broken off, or never begun: the same as a stream that the server ended.
    } finally {
      clearTimeout(silence)
    }
    if (this.#closed || this.state === 'denied' || this.state === 'gone') return
    this.#become('waiting')
    this.#timer = setTimeout(() => void this.#run(), this.#backoff.next())
  }
}
