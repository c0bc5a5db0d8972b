import type { Usage } from '../api/schema'

const time = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
})
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const whole = new Intl.NumberFormat('en')

/** Time of day. */
export const clock = (at: string | number) => time.format(new Date(at))

/** Day and time. */
export const moment = (at: string | number) => date.format(new Date(at))

export const count = (number: number) => whole.format(number)

/** `1 file`, `2 files`. */
export const counted = (number: number, one: string, many = `${one}s`) =>
  `${count(number)} ${number === 1 ? one : many}`

/** A span of time in its largest unit. A clock that is behind the server's gives none below zero. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`
}

/** How long something took. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`
  const seconds = Math.round(milliseconds / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** Money. What is not known is not nothing. */
export function money(micro: number | null | undefined): string {
  if (micro === null || micro === undefined) return 'unknown'
  const dollars = micro / 1e6
  if (micro > 0 && dollars < 0.01) return '< $0.01'
  return `$${dollars.toFixed(2)}`
}

/** What a mission cost; nothing where it used no tokens. */
export function cost(usage: Usage): string {
  const used = usage.input + usage.output + usage.cache_read + usage.cache_write
  return used === 0 && !usage.cost_micro_usd ? '–' : money(usage.cost_micro_usd)
}

export function tokens(number: number): string {
  if (number < 1000) return String(number)
  if (number < 1e6) return `${(number / 1000).toFixed(number < 1e4 ? 1 : 0)} k`
  return `${(number / 1e6).toFixed(1)} M`
}

export function bytes(number: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let size = number
  let unit = 0
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000
    unit += 1
  }
  return `${unit === 0 ? size : size.toFixed(size < 10 ? 1 : 0)} ${units[unit]}`
}
