import { expect, test } from 'vitest'
import { diffLines } from '../transcript/hunks'
import { placesOf } from './hunks'

test('lines have the colours of the part of the file that they were or are in', () => {
  const lines = diffLines('@@ -1,2 +1,2 @@\n same\n-old\n+new\n@@ -9 +9 @@\n other\n')
  const places = placesOf(lines, 'rust')
  const seen = lines.map(line => places.get(line)).map(place => place && [place.source.text, place.line])
  expect(seen).toEqual([
    undefined,
    ['same\nnew', 0],
    ['same\nold', 1],
    ['same\nnew', 1],
    undefined,
    ['other', 0],
  ])
  expect(placesOf(lines, undefined).size).toBe(0)
})
