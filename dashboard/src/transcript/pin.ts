/** Nearer to the end than this, a list takes hold of it. */
const TAKES_HOLD = 8
/** Further from the end than this, an upward move lets go of it. */
const LETS_GO = 80

/** Whether a reader follows the end of a list. That is what they want, not where they are: only their own move upwards
 * lets go, and growth of the content never does. */
export class Pin {
  held = true
  #top = 0

  /** The list was scrolled, by whomever. */
  scrolled(top: number, height: number, view: number) {
    const fromEnd = height - view - top
    if (fromEnd <= TAKES_HOLD) this.held = true
    else if (top < this.#top - 2 && fromEnd > LETS_GO) this.held = false
    this.#top = top
  }

  /** The list itself put the view here. */
  placed(top: number) {
    this.#top = top
  }

  /** The reader wants to be elsewhere. */
  release() {
    this.held = false
  }
}
