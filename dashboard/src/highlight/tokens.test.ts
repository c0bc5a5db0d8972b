import rust from 'highlight.js/lib/languages/rust'
import { createLowlight } from 'lowlight'
import { expect, test } from 'vitest'
import { languageNamed, languageOf } from './languages'
import { linesOf } from './tokens'

test('code is split into lines of coloured pieces, of which nothing is lost', () => {
  const text = '/* one\n   two */\nfn main() { let x = "a"; }\n'
  const lines = linesOf(createLowlight({ rust }).highlight('rust', text))
  expect(lines[0]).toEqual([['/* one', 'comment']])
  expect(lines[1]).toEqual([['   two */', 'comment']])
  expect(lines[2]).toContainEqual(['fn', 'keyword'])
  expect(lines[2]).toContainEqual(['"a"', 'string'])
  expect(lines.map(tokens => tokens.map(([text]) => text).join('')).join('\n')).toBe(text)
})

test('languages are known by the names of files and by what fences say', () => {
  expect(languageOf('src/a.RS')).toBe('rust')
  expect(languageOf('deploy/Dockerfile.web')).toBe('dockerfile')
  expect(languageOf('Makefile')).toBe('makefile')
  expect(languageOf('README')).toBeUndefined()
  expect(languageOf('rs')).toBeUndefined()
  expect(languageNamed('TSX')).toBe('typescript')
  expect(languageNamed('brainfuck')).toBeUndefined()
})
