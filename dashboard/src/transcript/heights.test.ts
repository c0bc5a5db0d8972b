import { expect, test } from 'vitest'
import { Heights } from './heights'

/** Numbers that are the same in every run. */
function numbers(seed: number) {
  let state = seed
  return (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state % below
  }
}

test('offsets and hit-tests are those of a plain sum, whatever was changed', () => {
  const next = numbers(7)
  const plain: number[] = []
  const heights = new Heights()
  for (let step = 0; step < 3000; step += 1) {
    if (plain.length === 0 || next(3) > 0) {
      const height = 1 + next(400)
      plain.push(height)
      heights.push(height)
    } else if (next(50) === 0) {
      plain.length = next(plain.length)
      heights.truncate(plain.length)
    } else {
      const row = next(plain.length)
      const height = 1 + next(400)
      expect(heights.set(row, height)).toBe(height - (plain[row] ?? 0))
      plain[row] = height
    }
    const row = next(plain.length + 1)
    const offset = plain.slice(0, row).reduce((sum, height) => sum + height, 0)
    expect(heights.offset(row)).toBe(offset)
    if (row < plain.length) {
      expect(heights.rowAt(offset)).toBe(row)
      expect(heights.rowAt(offset + (plain[row] ?? 0) - 1)).toBe(row)
    }
  }
  expect(heights.total).toBe(plain.reduce((sum, height) => sum + height, 0))
})

test('a place beyond the end is in the last row', () => {
  const heights = new Heights([10, 20])
  expect(heights.rowAt(1000)).toBe(1)
  expect(heights.rowAt(-5)).toBe(0)
  expect(new Heights().rowAt(5)).toBe(0)
})
