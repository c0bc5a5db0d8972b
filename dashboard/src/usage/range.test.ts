import { expect, test } from 'vitest'
import { daysOf, lastDays } from './range'

test('days are those of UTC, today included', () => {
  const now = Date.parse('2026-03-01T00:30:00Z')
  expect(lastDays(1, now)).toEqual({ from: '2026-03-01', to: '2026-03-01' })
  expect(lastDays(7, now)).toEqual({ from: '2026-02-23', to: '2026-03-01' })
})

test('a span has all its days, also over a month and where it is the wrong way round', () => {
  expect(daysOf({ from: '2026-02-27', to: '2026-03-01' })).toEqual(['2026-02-27', '2026-02-28', '2026-03-01'])
  expect(daysOf({ from: '2026-03-01', to: '2026-02-01' })).toEqual([])
  expect(daysOf({ from: '2020-13-45', to: '2026-02-01' })).toEqual([])
})
