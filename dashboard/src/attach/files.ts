import { api, call } from '../api/client'
import { ProblemError, problemOf } from '../api/problem'
import type { Attachment } from '../api/schema'
import { Signal } from '../signal'
import { bring } from './bring'

/** The most files that come with one message. */
export const MOST = 20

/** A file that is to come with the next message. */
export interface Attached {
  key: number
  name: string
  size: number
  /** Bytes that the server has. */
  sent: number
  /** Its name on the server, once it is there. */
  id?: string
  image: boolean
  problem?: string
}

/** What is kept of them in this browser. */
type Kept = Pick<Attached, 'name' | 'size' | 'id' | 'image'>

const keyOf = (draft: string) => `attachments:${draft}`

/** The files that come with what is being written. They are brought one after the other while somebody goes on to write, and
 * are known again after a reload. */
export class Attachments extends Signal<readonly Attached[]> {
  #last = 0
  #queue = Promise.resolve()
  #stops = new Map<number, AbortController>()

  constructor(
    readonly draft: string,
    private bringer: typeof bring = bring,
    private lookUp: (id: string) => Promise<unknown> = id =>
      call(api.GET('/api/v1/attachments/{id}', { params: { path: { id } } })),
    private removal: (id: string) => Promise<unknown> = id =>
      call(api.DELETE('/api/v1/attachments/{id}', { params: { path: { id } } })),
  ) {
    super([])
    this.restore(kept(draft))
  }

  /** Takes files; answers how many of them were too many. */
  add(files: readonly File[]): number {
    const room = Math.max(0, MOST - this.value.length)
    for (const file of files.slice(0, room)) {
      this.#last += 1
      const key = this.#last
      const stop = new AbortController()
      this.#stops.set(key, stop)
      const { name, size, type } = file
      this.#put([...this.value, { key, name, size, sent: 0, image: type.startsWith('image/') }])
      this.#queue = this.#queue.then(async () => {
        if (stop.signal.aborted) return
        try {
          const made: Attachment = await this.bringer(file, sent => this.#change(key, { sent }), stop.signal)
          const { id, name, size, media_type } = made
          this.#change(key, { id, name, size, sent: size, image: media_type.startsWith('image/') })
        } catch (error) {
          if (!stop.signal.aborted) this.#change(key, { problem: problemOf(error).message })
        }
      })
    }
    return Math.max(0, files.length - room)
  }

  /** Takes a file out, and away from the server. */
  remove(key: number) {
    const gone = this.value.find(file => file.key === key)
    this.#stops.get(key)?.abort()
    this.#stops.delete(key)
    this.#put(this.value.filter(file => file.key !== key))
    // It goes by itself after a day where this does not arrive.
    if (gone?.id) void this.removal(gone.id).catch(() => {})
  }

  /** The files are on their way with a message; answers them, to be put back where it fails. */
  take(): readonly Kept[] {
    const taken = this.value
    this.#put([])
    return taken
  }

  /** Puts files back that are known to the server. Those it has no longer say so. */
  restore(files: readonly Kept[]) {
    const restored = files.map(({ name, size, id, image }) => {
      this.#last += 1
      const problem = id ? undefined : 'It did not arrive: choose it again.'
      return { key: this.#last, name, size, image, id, problem, sent: id ? size : 0 }
    })
    this.#put([...restored, ...this.value])
    for (const { key, id } of restored) {
      if (!id) continue
      void this.lookUp(id).catch(error => {
        if (error instanceof ProblemError && error.status === 404)
          this.#change(key, { id: undefined, problem: 'The server has it no longer: choose it again.' })
      })
    }
  }

  #change(key: number, part: Partial<Attached>) {
    this.#put(this.value.map(file => (file.key === key ? { ...file, ...part } : file)))
  }

  #put(files: readonly Attached[]) {
    this.set(files)
    const keep = files.map(({ name, size, id, image }): Kept => ({ name, size, id, image }))
    try {
      if (keep.length === 0) localStorage.removeItem(keyOf(this.draft))
      else localStorage.setItem(keyOf(this.draft), JSON.stringify(keep))
    } catch {
      // A browser that keeps nothing keeps them as long as the page is there.
    }
  }
}

function kept(draft: string): Kept[] {
  try {
    const files: unknown = JSON.parse(localStorage.getItem(keyOf(draft)) ?? '[]')
    return Array.isArray(files) ? (files as Kept[]) : []
  } catch {
    return []
  }
}

const drafts = new Map<string, Attachments>()

/** The files of a draft: the same as long as the page is there, so that one on its way arrives wherever somebody looks. */
export function attachmentsOf(draft: string): Attachments {
  const known = drafts.get(draft) ?? new Attachments(draft)
  drafts.set(draft, known)
  return known
}
