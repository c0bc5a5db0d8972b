import { expect, test } from 'vitest'
import { diffLines, diffSize } from './hunks'

const DIFF =
  '--- a/x.rs\n+++ b/x.rs\n@@ -10,3 +10,3 @@ fn f()\n same\n--- dashes that are text\n+added\n\\ No newline at end of file\n'

test('lines have their numbers before and after', () => {
  expect(diffLines(DIFF)).toEqual([
    { kind: 'hunk', text: 'fn f()' },
    { kind: 'same', text: 'same', old: 10, new: 10 },
    { kind: 'del', text: '-- dashes that are text', old: 11 },
    { kind: 'add', text: 'added', new: 11 },
    { kind: 'note', text: 'No newline at end of file' },
  ])
  expect(diffSize(DIFF)).toEqual({ added: 1, removed: 1 })
})
