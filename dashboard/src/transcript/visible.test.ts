import { expect, test } from 'vitest'
import { visible } from './visible'

test('what nobody would see is marked', () => {
  expect(visible('rm \u202efdp.exe\u200b')).toBe('rm ⟨U+202E⟩fdp.exe⟨U+200B⟩')
  expect(visible('a\u001b[31mb')).toBe('a⟨U+001B⟩[31mb')
  expect(visible('\u{e0041}')).toBe('⟨U+E0041⟩')
})

test('words of any script are left alone', () => {
  for (const text of ['git push', 'שלום', 'مرحبا', 'naïve 日本', 'a\n\tb']) expect(visible(text)).toBe(text)
})
