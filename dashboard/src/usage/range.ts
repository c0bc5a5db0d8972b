/** A span of whole days in UTC, both included, as the server counts them. */
export interface Range {
  from: string
  to: string
}

const DAY = 86_400_000

export const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10)

/** The last so many days, today included. */
export const lastDays = (days: number, now: number): Range => ({
  from: dayOf(now - (days - 1) * DAY),
  to: dayOf(now),
})

/** Every day of a span, also those of which nothing is known. At most ten years. */
export function daysOf({ from, to }: Range): string[] {
  const days: string[] = []
  for (let at = Date.parse(from); at <= Date.parse(to) && days.length < 3660; at += DAY) days.push(dayOf(at))
  return days
}
