const UNITS: Record<string, number> = { '': 1, k: 1 << 10, m: 1 << 20, g: 1 << 30, t: 2 ** 40 }

/** Bytes of `512`, `64 KiB`, `2G`; undefined for anything else. Units are those of 1024, as in the configuration. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim())
  if (!match) return undefined
  const size = Number(match[1]) * (UNITS[(match[2] ?? '').toLowerCase()] ?? 1)
  return Number.isSafeInteger(Math.round(size)) ? Math.round(size) : undefined
}

/** The shortest way to write a number of bytes that reads back as the same. */
export function writeSize(bytes: number): string {
  for (const [unit, size] of [
    ['TiB', 2 ** 40],
    ['GiB', 1 << 30],
    ['MiB', 1 << 20],
    ['KiB', 1 << 10],
  ] as const) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size} ${unit}`
  }
  return String(bytes)
}
