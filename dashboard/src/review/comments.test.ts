import { expect, test } from 'vitest'
import { diffLines } from '../transcript/hunks'
import { type Comment, messageOf, quoted, standing } from './comments'

const LINES = diffLines('@@ -1,3 +1,3 @@\n same\n-old\n+new\n last\n')
const COMMENT: Comment = {
  id: '1',
  path: 'src/a.rs',
  side: 'after',
  from: 1,
  to: 2,
  code: ' same\n-old\n+new',
  text: 'Why? ',
}

test('lines are quoted as the diff has them', () => {
  expect(quoted(COMMENT, LINES)).toBe(COMMENT.code)
  expect(quoted({ path: '', side: 'before', from: 2, to: 2 }, LINES)).toBe('-old')
  expect(quoted({ path: '', side: 'after', from: 8, to: 9 }, LINES)).toBe('')
})

test('a comment stands as long as its lines are the same, whatever was there before them', () => {
  expect(standing(COMMENT, LINES)).toBe('here')
  expect(standing(COMMENT, diffLines('@@ -1,2 +1,3 @@\n same\n+new\n last\n'))).toBe('here')
  expect(standing(COMMENT, diffLines('@@ -1,2 +1,3 @@\n same\n+newer\n last\n'))).toBe('changed')
})

test('all comments are one message that quotes path, lines, code and comment', () => {
  const other: Comment = {
    ...COMMENT,
    path: 'README.md',
    side: 'before',
    from: 2,
    to: 2,
    code: '-```',
    turn: 3,
  }
  expect(messageOf([COMMENT, other])).toBe(
    [
      '2 comments on your changes:',
      '1. README.md, old line 2, after turn 3',
      '````diff\n-```\n````',
      'Why?',
      '2. src/a.rs, lines 1–2',
      '```diff\n same\n-old\n+new\n```',
      'Why?',
    ].join('\n\n'),
  )
})
