import type { Connections, Event } from '../api/schema'

/** All connections to one target with the same fate. */
export interface Verdict extends Connections {
  /** When it was told last, and where. */
  at: string
  mission: string
  seq: number
}

/** The connections of events, added up by target and fate: what was refused first, then what came last. */
export function verdicts(events: Event[]): Verdict[] {
  const found = new Map<string, Verdict>()
  for (const event of events) {
    if (event.kind !== 'connections') continue
    const { body, at, mission, seq } = event
    const key = `${body.host} ${body.port} ${body.allowed} ${body.reason}`
    const before = found.get(key)
    const later = !before || before.at < at
    found.set(key, {
      ...body,
      count: body.count + (before?.count ?? 0),
      bytes_down: body.bytes_down + (before?.bytes_down ?? 0),
      bytes_up: body.bytes_up + (before?.bytes_up ?? 0),
      at: later ? at : before.at,
      mission: later ? mission : before.mission,
      seq: later ? seq : before.seq,
    })
  }
  return [...found.values()].sort(
    (one, other) => Number(one.allowed) - Number(other.allowed) || other.at.localeCompare(one.at),
  )
}
