const FIRST = 250
const LONGEST = 15_000

/** How long to wait before the next attempt: doubled each time, and spread so that browsers do not come back together. */
export class Backoff {
  #attempt = 0

  constructor(private random: () => number = Math.random) {}

  next(): number {
    const whole = Math.min(LONGEST, FIRST * 2 ** this.#attempt)
    this.#attempt += 1
    return whole * (0.5 + this.random() / 2)
  }

  reset() {
    this.#attempt = 0
  }
}
