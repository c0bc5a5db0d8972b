import type { Exit } from '../api/schema'
import { Backoff } from '../live/backoff'
import { ending } from '../workspaces/standing'

/** What a screen is told. */
export interface Screen {
  print(bytes: Uint8Array): void
  /** Whether what is typed arrives. */
  state(state: AttachmentState): void
}

export type AttachmentState =
  | { is: 'connecting' }
  | { is: 'open' }
  | { is: 'lost'; since: number }
  | { is: 'ended'; how: string }

type Told =
  | { type: 'offset'; offset: number }
  | { type: 'gap'; stream: number; length: number }
  | { type: 'exit'; exit: Exit }
  | { type: 'error'; message: string }

const encoder = new TextEncoder()

/** One viewer of a process. A connection that breaks off is taken up again where it was, so that nothing is printed twice. */
export class Attachment {
  #socket: WebSocket | undefined
  #offset: number | undefined
  #backoff = new Backoff()
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false
  #size: { rows: number; cols: number } | undefined

  constructor(
    private process: string,
    private screen: Screen,
    private connect: (url: string) => WebSocket = url => new WebSocket(url),
  ) {
    this.#open()
  }

  type(text: string) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(encoder.encode(text))
  }

  resize(rows: number, cols: number) {
    this.#size = { rows, cols }
    this.#say({ type: 'resize', rows, cols })
  }

  close() {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#socket?.close()
  }

  #say(order: object) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(order))
  }

  #open() {
    const place = new URL(`/api/v1/processes/${this.process}/attach`, location.href)
    place.protocol = place.protocol === 'https:' ? 'wss:' : 'ws:'
    if (this.#offset !== undefined) place.searchParams.set('offset', String(this.#offset))
    const socket = this.connect(place.href)
    socket.binaryType = 'arraybuffer'
    this.#socket = socket
    socket.onopen = () => {
      this.#backoff.reset()
      this.screen.state({ is: 'open' })
      if (this.#size) this.#say({ type: 'resize', ...this.#size })
    }
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (typeof data === 'string') this.#told(JSON.parse(data) as Told)
      else {
        const bytes = new Uint8Array(data)
        // The first byte is the stream; places are counted in standard output alone.
        if (bytes[0] === 1) this.#offset = (this.#offset ?? 0) + bytes.length - 1
        this.screen.print(bytes.subarray(1))
      }
    }
    socket.onclose = () => {
      if (this.#closed) return
      this.screen.state({ is: 'lost', since: Date.now() })
      this.#timer = setTimeout(() => this.#open(), this.#backoff.next())
    }
  }

  #told(message: Told) {
    if (message.type === 'offset') this.#offset = message.offset
    else if (message.type === 'gap') {
      if (message.stream === 1) this.#offset = (this.#offset ?? 0) + message.length
      this.screen.print(encoder.encode(`\r\n[${message.length} bytes were too many to keep]\r\n`))
    } else if (message.type === 'exit') {
      this.close()
      this.screen.state({ is: 'ended', how: ending(message.exit) })
    } else this.screen.print(encoder.encode(`\r\n[${message.message}]\r\n`))
  }
}
