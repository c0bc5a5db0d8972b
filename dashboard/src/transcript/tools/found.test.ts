import { expect, test } from 'vitest'
import { foundIn, linksIn, numberedIn } from './found'

test('what a search printed is told by file', () => {
  expect(foundIn('a.rs:1:fn a\na.rs:9:fn b\nb.rs:2-context\n')?.files).toEqual([
    {
      path: 'a.rs',
      hits: [
        { line: 1, text: 'fn a' },
        { line: 9, text: 'fn b' },
      ],
    },
    { path: 'b.rs', hits: [{ line: 2, text: 'context' }] },
  ])
  expect(foundIn('src/a.rs\nsrc/b.rs\n')?.files.map(({ path }) => path)).toEqual(['src/a.rs', 'src/b.rs'])
  expect(foundIn('No files were found at all\nor so\nit seems\n')).toBeUndefined()
  expect(foundIn(`${'a:1:x\n'.repeat(700)}`)?.left).toBe(200)
})

test('the numbers of lines that were read are not taken for code', () => {
  expect(numberedIn('    10\tfn a() {\n    11\t}\n')).toEqual({ first: 10, text: 'fn a() {\n}' })
  expect(numberedIn('1→a\n2→b\n\n<system-reminder>')).toEqual({ first: 1, text: 'a\nb' })
  expect(numberedIn('<file>\n00001| a\n00002| b\n</file>')).toEqual({ first: 1, text: 'a\nb' })
  expect(numberedIn('plain text')).toBeUndefined()
})

test('links lead to the web or are none', () => {
  const list = '[{"title":"Docs","url":"https://docs.rs"},{"title":"bad","url":"javascript:alert(1)"}]'
  const { links, rest } = linksIn(`Search results\n\nLinks: ${list}\n\nUse it.`)
  expect(links).toEqual([{ title: 'Docs', url: 'https://docs.rs' }])
  expect(rest).toContain('Use it.')
  expect(linksIn('Links: [broken').links).toEqual([])
})
