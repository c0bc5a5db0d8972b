import { expect, test } from 'vitest'
import { isolation } from './isolation'

test('a badge never promises more than the backend and the network give together', () => {
  expect(isolation('bubblewrap', 'allow')?.strong).toBe(true)
  expect(isolation('bubblewrap', 'shared')?.strong).toBe(false)
  expect(isolation('bubblewrap', 'shared')?.gaps).toContain('It reaches all services of the machine.')
  expect(isolation('host', 'none')?.strong).toBe(false)
})

test('nothing is said of a backend that is not known', () => {
  expect(isolation('ours', 'none')).toBeUndefined()
})
