import { expect, test } from 'vitest'
import { segments } from './ansi'

const text = (printed: string) =>
  segments(printed)
    .map(segment => segment.text)
    .join('')

test('colours and weight are kept', () => {
  expect(segments('a\u001b[1;31mred\u001b[0m b\u001b[38;5;200mc\u001b[92md')).toEqual([
    { text: 'a', style: '' },
    { text: 'red', style: 'red bold' },
    { text: ' b', style: '' },
    { text: 'c', style: '' },
    { text: 'd', style: 'green' },
  ])
})

test('nothing else that a terminal could be told is left', () => {
  expect(
    text(
      '\u001b]0;title\u0007a\u001b]8;;http://evil.example\u001b\\b\u001b[2J\u001b[?1049hc\u001b(Bd\u0000\u0008',
    ),
  ).toBe('abcd')
})

test('a progress bar is its last state', () => {
  expect(text('10 %\r50 %\r100 %\r\ndone\n')).toBe('100 %\ndone\n')
})

test('an unfinished sequence at the end is no text', () => {
  expect(text('a\u001b')).toBe('a')
})
