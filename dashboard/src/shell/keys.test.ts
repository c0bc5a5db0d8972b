// @vitest-environment happy-dom
import { expect, test } from 'vitest'
import { KEYS, nameOf } from './keys'

test('no two entries have the same keys in places that meet', () => {
  const keys = Object.values(KEYS).map(entry => entry.keys)
  expect(new Set(keys).size).toBe(keys.length)
})

test('keys are named as the table does', () => {
  const press = (init: KeyboardEventInit & { key: string }) => nameOf(new KeyboardEvent('keydown', init))
  expect(press({ key: 'k', ctrlKey: true })).toBe('mod+k')
  expect(press({ key: 'G', shiftKey: true })).toBe('Shift+g')
  expect(press({ key: '?', shiftKey: true })).toBe('?')
  expect(press({ key: '[' })).toBe('[')
})
