// @vitest-environment happy-dom
import { expect, test } from 'vitest'
import type { Mission } from '../api/schema'
import { news } from './notices'

const mission = (state: Mission['state']) => ({ id: 'm', state }) as Mission

test('only what changed is told, and not what is seen for the first time', () => {
  expect(news(undefined, mission('awaiting_approval'))).toBeUndefined()
  expect(news('done', mission('done'))).toBeUndefined()
  expect(news('queued', mission('running'))).toBeUndefined()
})

test('what waits for a person is told apart from what has ended', () => {
  expect(news('running', mission('awaiting_approval'))).toBe('need')
  expect(news('running', mission('interrupted'))).toBe('need')
  expect(news('running', mission('awaiting_user'))).toBe('done')
  expect(news('running', mission('failed'))).toBe('failed')
})
