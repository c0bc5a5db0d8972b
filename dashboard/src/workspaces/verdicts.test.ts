import { expect, test } from 'vitest'
import type { Event } from '../api/schema'
import { verdicts } from './verdicts'

const connections = (seq: number, host: string, allowed: boolean, count = 1): Event => ({
  kind: 'connections',
  body: {
    host,
    port: 443,
    allowed,
    count,
    bytes_down: 10,
    bytes_up: 1,
    reason: allowed ? 'rule' : 'not_listed',
  },
  at: `2026-01-01T00:00:0${seq}Z`,
  mission: 'm',
  seq,
  turn: 1,
})

test('what was refused is first, and one target with one fate is one row', () => {
  const found = verdicts([
    connections(1, 'a.example', true, 2),
    connections(2, 'b.example', false),
    connections(3, 'a.example', true, 3),
    connections(4, 'a.example', false),
  ])
  expect(found.map(({ host, allowed, count, seq }) => [host, allowed, count, seq])).toEqual([
    ['a.example', false, 1, 4],
    ['b.example', false, 1, 2],
    ['a.example', true, 5, 3],
  ])
})
