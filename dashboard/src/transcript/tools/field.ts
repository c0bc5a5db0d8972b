/** A text field of what went into a tool call: agents have several names for the same. */
export function field(input: unknown, ...names: string[]): string | undefined {
  if (typeof input !== 'object' || input === null) return undefined
  for (const name of names) {
    const value = (input as Record<string, unknown>)[name]
    if (typeof value === 'string' && value !== '') return value
    if (Array.isArray(value) && value.length > 0 && value.every(part => typeof part === 'string'))
      return value.join(' ')
  }
  return undefined
}

/** A whole number of what went in. */
export function numberField(input: unknown, ...names: string[]): number | undefined {
  if (typeof input !== 'object' || input === null) return undefined
  const values = names.map(name => (input as Record<string, unknown>)[name])
  return values.find((value): value is number => Number.isSafeInteger(value))
}

/** A list of objects of what went in. */
export function listField(input: unknown, ...names: string[]): Record<string, unknown>[] | undefined {
  if (typeof input !== 'object' || input === null) return undefined
  for (const name of names) {
    const value = (input as Record<string, unknown>)[name]
    if (Array.isArray(value) && value.length > 0)
      return value.map(entry =>
        typeof entry === 'object' && entry !== null ? (entry as Record<string, unknown>) : { text: entry },
      )
  }
  return undefined
}
