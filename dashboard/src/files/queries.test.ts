// @vitest-environment happy-dom
import { expect, test } from 'vitest'
import { imageType, join, parent, readText } from './queries'

test('a character that was cut at the end does not make a text binary', () => {
  const bytes = new TextEncoder().encode('schön')
  expect(readText(bytes)).toEqual({ kind: 'text', text: 'schön' })
  expect(readText(bytes.slice(0, 4))).toEqual({ kind: 'text', text: 'sch' })
  expect(readText(new Uint8Array([0x61, 0xff, 0x61]))).toEqual({ kind: 'binary' })
  expect(readText(new Uint8Array([0x61, 0]))).toEqual({ kind: 'binary' })
})

test('a picture that could hold a script is not shown as one', () => {
  expect(imageType('a/b.PNG')).toBe('image/png')
  expect(imageType('a/b.svg')).toBeUndefined()
  expect(imageType('png')).toBe('image/png')
})

test('paths are put together and taken apart', () => {
  expect(join('', 'a')).toBe('a')
  expect(join('a/b', 'c')).toBe('a/b/c')
  expect(parent('a/b/c')).toBe('a/b')
  expect(parent('a')).toBe('')
})
