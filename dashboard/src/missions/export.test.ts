// @vitest-environment happy-dom
import { expect, test } from 'vitest'
import type { Mission } from '../api/schema'
import { events, MIXED } from '../transcript/events.fixture'
import { markdownOf } from './export'

const mission = { title: 'Mend it', harness: 'shell', created_at: '2026-01-01T00:00:00Z' } as Mission

test('an export tells the whole mission', () => {
  const text = markdownOf(mission, MIXED)
  for (const part of [
    '# Mend it',
    'Do it',
    'I look.',
    'two',
    'rg x',
    'Found.',
    'approved',
    '[x] a',
    'a.txt',
    'Turn 1 completed',
  ]) {
    expect(text).toContain(part)
  }
})

test('no text ends the fence that it is in', () => {
  const text = markdownOf(
    mission,
    events(['message', { id: 'u', role: 'user', text: 'a\n```\n# not a heading\n````' }]),
  )
  expect(text).toContain('`````\na\n```\n# not a heading\n````\n`````')
})
