/** One event of a stream. */
export interface StreamEvent {
  id: string
  kind: string
  data: string
}

/** Reads server-sent events from text that comes in pieces. */
export class StreamParser {
  #rest = ''
  #kind = ''
  #data: string[] = []
  #id = ''

  /** The events that this piece completes. */
  push(piece: string): StreamEvent[] {
    const events: StreamEvent[] = []
    const text = this.#rest + piece
    let from = 0
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
      const line = text.slice(from, text[at - 1] === '\r' && at > from ? at - 1 : at)
      from = at + 1
      if (line !== '') this.#field(line)
      else {
        if (this.#data.length > 0) {
          events.push({ id: this.#id, kind: this.#kind || 'message', data: this.#data.join('\n') })
        }
        this.#kind = ''
        this.#data = []
      }
    }
    this.#rest = text.slice(from)
    return events
  }

  #field(line: string) {
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (name === 'data') this.#data.push(value)
    else if (name === 'event') this.#kind = value
    else if (name === 'id') this.#id = value
  }
}
