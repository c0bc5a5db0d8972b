// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from 'vitest'
import { ProblemError } from '../api/problem'
import type { Attachment } from '../api/schema'
import { Attachments } from './files'

beforeEach(() => localStorage.clear())

const file = (name: string) => new File(['content'], name, { type: 'image/png' })

/** A server that takes files one after the other. */
function server() {
  const has = new Set<string>()
  let last = 0
  return {
    has,
    bring: async (file: File, progress: (sent: number) => void) => {
      if (file.name === 'too-large') throw new ProblemError(413, 'attachment.too_large', 'It is too large.')
      progress(3)
      last += 1
      const id = `id-${last}`
      has.add(id)
      return { id, name: file.name, size: file.size, media_type: 'image/png', created_at: '' } as Attachment
    },
    lookUp: async (id: string) => {
      if (!has.has(id)) throw new ProblemError(404, 'attachment.unknown', 'There is none.')
    },
    remove: async (id: string) => has.delete(id),
  }
}

const of = ({ bring, lookUp, remove }: ReturnType<typeof server>) =>
  new Attachments('draft', bring, lookUp, remove)

test('files are brought, taken out, and gone from the server then', async () => {
  const there = server()
  const files = of(there)
  files.add([file('a.png'), file('too-large')])
  await vi.waitFor(() => expect(files.value[1]?.problem).toBe('It is too large.'))
  expect(files.value[0]).toMatchObject({ name: 'a.png', id: 'id-1', sent: 7, image: true })
  for (const { key } of files.value) files.remove(key)
  expect(files.value).toEqual([])
  await vi.waitFor(() => expect(there.has.size).toBe(0))
})

test('they are known again after a reload, and say what did not arrive or is gone', async () => {
  const there = server()
  const files = of(there)
  files.add([file('a.png'), file('b.png')])
  await vi.waitFor(() => expect(files.value.every(({ id }) => id)).toBe(true))
  const stuck = new Attachments('draft', () => new Promise(() => {}), there.lookUp, there.remove)
  stuck.add([file('c.png')])
  there.has.delete('id-2')

  const again = of(there)
  await vi.waitFor(() => expect(again.value[1]?.problem).toMatch(/no longer/))
  expect(again.value.map(({ name, id }) => [name, id])).toEqual([
    ['a.png', 'id-1'],
    ['b.png', undefined],
    ['c.png', undefined],
  ])
  expect(again.value[2]?.problem).toMatch(/did not arrive/)
})

test('what is taken for a message is put back where that fails', async () => {
  const files = of(server())
  files.add([file('a.png')])
  await vi.waitFor(() => expect(files.value[0]?.id).toBe('id-1'))
  const taken = files.take()
  expect(files.value).toEqual([])
  files.restore(taken)
  expect(files.value).toMatchObject([{ name: 'a.png', id: 'id-1' }])
})

test('no more than twenty come with a message', () => {
  const files = new Attachments('draft', () => new Promise(() => {}))
  expect(files.add(Array.from({ length: 23 }, (_, index) => file(`${index}.png`)))).toBe(3)
  expect(files.value).toHaveLength(20)
})
