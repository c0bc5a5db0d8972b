/** Heights of rows in a Fenwick tree: a change, an offset and a hit-test each take O(log n). */
export class Heights {
  #heights: number[] = []
  #sums: number[] = [0]

  constructor(heights: Iterable<number> = []) {
    for (const height of heights) this.push(height)
  }

  get length() {
    return this.#heights.length
  }

  get total() {
    return this.offset(this.length)
  }

  at(row: number): number {
    return this.#heights[row] ?? 0
  }

  push(height: number) {
    this.#heights.push(height)
    const node = this.#heights.length
    // The sum of a new node is that of the nodes which it covers.
    let sum = height
    for (let child = node - 1; child > node - (node & -node); child -= child & -child)
      sum += this.#sums[child] ?? 0
    this.#sums.push(sum)
  }

  /** Gives a row another height; answers by how much it grew. */
  set(row: number, height: number): number {
    const grown = height - this.at(row)
    if (grown === 0 || row < 0 || row >= this.length) return 0
    this.#heights[row] = height
    for (let node = row + 1; node <= this.length; node += node & -node)
      this.#sums[node] = (this.#sums[node] ?? 0) + grown
    return grown
  }

  /** Removes the rows from this one on. */
  truncate(length: number) {
    this.#heights.length = Math.min(length, this.#heights.length)
    this.#sums.length = this.#heights.length + 1
  }

  /** Where a row begins. */
  offset(row: number): number {
    let sum = 0
    for (let node = Math.min(row, this.length); node > 0; node -= node & -node) sum += this.#sums[node] ?? 0
    return sum
  }

  /** The row that covers a place; the last one beyond the end. */
  rowAt(place: number): number {
    let row = 0
    let rest = place
    for (let step = 2 ** Math.floor(Math.log2(Math.max(1, this.length))); step >= 1; step /= 2) {
      const sum = this.#sums[row + step]
      if (row + step <= this.length && sum !== undefined && sum <= rest) {
        row += step
        rest -= sum
      }
    }
    return Math.max(0, Math.min(row, this.length - 1))
  }
}
