import { expect, test } from 'vitest'
import { Backoff } from './backoff'

test('waits are doubled up to 15 s, and begin anew after a success', () => {
  const backoff = new Backoff(() => 1)
  const waits = Array.from({ length: 9 }, () => backoff.next())
  expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000])
  backoff.reset()
  expect(backoff.next()).toBe(250)
})

test('browsers do not come back together', () => {
  expect(new Backoff(() => 0).next()).toBe(125)
  expect(new Backoff(() => 1).next()).toBe(250)
})
