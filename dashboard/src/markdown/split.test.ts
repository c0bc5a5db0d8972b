import { expect, test } from 'vitest'
import { stableLength } from './split'

const stable = (text: string) => text.slice(0, stableLength(text))

test('text is cut at the last blank line', () => {
  expect(stable('one\n\ntwo\n\nthr')).toBe('one\n\ntwo\n\n')
  expect(stable('one')).toBe('')
})

test('a blank line within code is no place to cut', () => {
  expect(stable('a\n\n```rs\nx\n\ny')).toBe('a\n\n')
  expect(stable('a\n\n```rs\nx\n\ny\n```\n\nb')).toBe('a\n\n```rs\nx\n\ny\n```\n\n')
  expect(stable('~~~~\n```\n\nx')).toBe('')
})
