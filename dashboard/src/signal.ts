import { useSyncExternalStore } from 'react'

/** A value outside React that tells who listens when it changes. */
export class Signal<T> {
  #listeners = new Set<() => void>()

  constructor(public value: T) {}

  set(value: T) {
    if (Object.is(value, this.value)) return
    this.value = value
    for (const listener of this.#listeners) listener()
  }

  subscribe = (listener: () => void) => {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  get = () => this.value
}

export function useSignal<T>(signal: Signal<T>): T {
  return useSyncExternalStore(signal.subscribe, signal.get)
}
