import { expect, test } from 'vitest'
import { parseSize, writeSize } from './sizes'

test('sizes are read as the configuration reads them', () => {
  expect(['512', '64KiB', '1.5 GiB', '2g', '10 MB'].map(parseSize)).toEqual([
    512, 65_536, 1_610_612_736, 2_147_483_648, 10_485_760,
  ])
  expect(['', 'much', '-1', '3 XB', '1e9'].map(parseSize)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})

test('a size that was written is read back as the same', () => {
  for (const bytes of [0, 1, 1023, 1024, 1 << 20, 3 * (1 << 30), 2 ** 41])
    expect(parseSize(writeSize(bytes))).toBe(bytes)
})
