// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Attachment, type AttachmentState } from './attachment'

class Socket {
  static all: Socket[] = []
  binaryType = ''
  readyState: number = WebSocket.OPEN
  sent: unknown[] = []
  onopen?: () => void
  onmessage?: (event: { data: unknown }) => void
  onclose?: () => void
  constructor(readonly url: string) {
    Socket.all.push(this)
  }
  send(data: unknown) {
    this.sent.push(data)
  }
  close() {
    this.readyState = WebSocket.CLOSED
  }
  print(stream: number, text: string) {
    this.onmessage?.({ data: new Uint8Array([stream, ...new TextEncoder().encode(text)]).buffer })
  }
  tell(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) })
  }
}

let printed = ''
const states: AttachmentState[] = []
const attach = () =>
  new Attachment(
    'p',
    {
      print: bytes => {
        printed += new TextDecoder().decode(bytes)
      },
      state: state => states.push(state),
    },
    url => new Socket(url) as unknown as WebSocket,
  )

beforeEach(() => {
  vi.useFakeTimers()
  Socket.all = []
  printed = ''
  states.length = 0
})
afterEach(() => vi.useRealTimers())

test('a connection that breaks off goes on after the last byte of standard output', async () => {
  attach()
  const [first] = Socket.all
  first?.onopen?.()
  first?.tell({ type: 'offset', offset: 100 })
  first?.print(1, 'abc')
  first?.print(2, 'error')
  first?.tell({ type: 'gap', stream: 1, length: 10 })
  first?.onclose?.()
  expect(states.at(-1)?.is).toBe('lost')
  await vi.advanceTimersByTimeAsync(1000)
  expect(Socket.all[1]?.url).toContain('/api/v1/processes/p/attach?offset=113')
  expect(printed).toContain('abcerror')
})

test('the size of the screen is told again on a new connection', async () => {
  const attachment = attach()
  attachment.resize(24, 80)
  Socket.all[0]?.onclose?.()
  await vi.advanceTimersByTimeAsync(1000)
  Socket.all[1]?.onopen?.()
  expect(Socket.all[1]?.sent).toEqual([JSON.stringify({ type: 'resize', rows: 24, cols: 80 })])
})

test('a process that ended is not connected to again', async () => {
  attach()
  Socket.all[0]?.onopen?.()
  Socket.all[0]?.tell({ type: 'exit', exit: { signal: 9 } })
  Socket.all[0]?.onclose?.()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(Socket.all).toHaveLength(1)
  expect(states.at(-1)).toEqual({ is: 'ended', how: 'killed (signal 9)' })
})
