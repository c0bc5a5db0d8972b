import { expect, test } from 'vitest'
import { csv } from './csv'

test('quotes, commas and lines stay within their cell', () => {
  expect(csv([['a', 'b,c', 'd"e', 'f\ng', 1, undefined]])).toBe('a,"b,c","d""e","f\ng",1,\r\n')
})

test('a name that is a formula is text in a spreadsheet', () => {
  expect(csv([['=HYPERLINK("x")', '-1', '+1', '@a']])).toBe('"\'=HYPERLINK(""x"")",\'-1,\'+1,\'@a\r\n')
})
