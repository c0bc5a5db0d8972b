import { Signal } from './signal'

/** What this browser is told to do, kept in it. One of the values, the first where nothing was said. */
export class Preference<T extends string> extends Signal<T> {
  constructor(
    readonly name: string,
    readonly values: readonly [T, ...T[]],
  ) {
    super(stored(name, values))
  }

  override set(value: T) {
    try {
      localStorage.setItem(this.name, value)
    } catch {
      // It holds until the page is left.
    }
    super.set(value)
  }
}

function stored<T extends string>(name: string, values: readonly [T, ...T[]]): T {
  try {
    const value = localStorage.getItem(name)
    return values.find(known => known === value) ?? values[0]
  } catch {
    return values[0]
  }
}
