import { expect, test } from 'vitest'
import { askingAt, fitting } from './asking'

const at = (text: string) => askingAt(text.replace('|', ''), text.indexOf('|'))

test('a file is named after an @ that begins a word, directory by directory', () => {
  expect(at('look at @src/po|')).toMatchObject({
    kind: 'file',
    directory: 'src',
    name: 'po',
    from: 8,
    to: 15,
  })
  expect(at('@|')).toMatchObject({ kind: 'file', directory: '', name: '' })
  expect(at('(@a| b')).toMatchObject({ name: 'a' })
  expect(at('mail me@example.org|')).toBeUndefined()
  expect(at('@a b|')).toBeUndefined()
})

test('a command is named by a / that begins the message, and a path is none', () => {
  expect(at('/mo|')).toMatchObject({ kind: 'command', words: 'mo' })
  expect(at('/model large|')).toMatchObject({ words: 'model large' })
  expect(at('/|')).toMatchObject({ words: '' })
  expect(at('/usr/bin/env|')).toBeUndefined()
  expect(at('/mo|del')).toBeUndefined()
  expect(at('see /mo|')).toBeUndefined()
  expect(at('/plan\nmore|')).toBeUndefined()
})

test('what begins as it is written stands first', () => {
  const all = ['model small', 'plan', 'model large', 'remodel'].map(name => ({ name, title: `Does ${name}` }))
  expect(fitting(all, 'model').map(({ name }) => name)).toEqual(['model small', 'model large', 'remodel'])
  expect(fitting(all, 'lar mod').map(({ name }) => name)).toEqual(['model large'])
  expect(fitting(all, 'nothing')).toEqual([])
})
