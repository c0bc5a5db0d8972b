import { expect, test } from 'vitest'
import { StreamParser } from './sse'

const STREAM =
  'retry: 2000\n\nid: 7\nevent: tool_output\ndata: {"a":1}\n\n: keep-alive\n\nid: 8\r\nevent: message\r\ndata: one\r\ndata: two\r\n\r\n'

test('events are the same however the text is cut', () => {
  const whole = new StreamParser().push(STREAM)
  expect(whole).toEqual([
    { id: '7', kind: 'tool_output', data: '{"a":1}' },
    { id: '8', kind: 'message', data: 'one\ntwo' },
  ])
  for (let at = 0; at <= STREAM.length; at += 1) {
    const parser = new StreamParser()
    expect([...parser.push(STREAM.slice(0, at)), ...parser.push(STREAM.slice(at))]).toEqual(whole)
  }
})

test('an event that has not ended is not told', () => {
  const parser = new StreamParser()
  expect(parser.push('id: 1\ndata: x\n')).toEqual([])
  expect(parser.push('\n')).toHaveLength(1)
})
