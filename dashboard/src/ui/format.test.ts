import { expect, test } from 'vitest'
import { age, bytes, cost, duration, money, tokens } from './format'

test('what is not known is never nothing', () => {
  expect(money(undefined)).toBe('unknown')
  expect(money(null)).toBe('unknown')
  expect(money(0)).toBe('$0.00')
  expect(money(1)).toBe('< $0.01')
  expect(money(1_840_000)).toBe('$1.84')
  const none = { input: 0, output: 0, cache_read: 0, cache_write: 0, reasoning: 0 }
  expect(cost(none)).toBe('–')
  expect(cost({ ...none, input: 5 })).toBe('unknown')
})

test('times are told in their largest unit, and a clock that is behind gives none below zero', () => {
  expect([-5000, 59_000, 60_000, 3_600_000, 172_800_000].map(age)).toEqual([
    '0 s',
    '59 s',
    '1 min',
    '1 h',
    '2 d',
  ])
  expect([12, 8400, 61_000].map(duration)).toEqual(['12 ms', '8.4 s', '1 min 1 s'])
})

test('sizes and tokens are short', () => {
  expect([999, 1500, 25_000_000].map(bytes)).toEqual(['999 B', '1.5 KB', '25 MB'])
  expect([999, 1200, 212_000, 3_800_000].map(tokens)).toEqual(['999', '1.2 k', '212 k', '3.8 M'])
})
