import { useRef, useState } from 'react'
import { problemOf } from '../api/problem'
import { bytes } from '../ui/format'
import { Progress } from '../ui/Progress'
import { join } from './queries'
import { upload } from './upload'

interface Item {
  id: number
  path: string
  size: number
  sent: number
  problem?: string
}

/** Files on their way into a workspace, one after the other. */
export function useUploads(workspace: string, done: () => void) {
  const [items, setItems] = useState<Item[]>([])
  const last = useRef(0)
  const queue = useRef(Promise.resolve())
  const stops = useRef(new Map<number, AbortController>())
  const change = (id: number, part: Partial<Item>) =>
    setItems(items => items.map(item => (item.id === id ? { ...item, ...part } : item)))
  const drop = (id: number) => {
    stops.current.get(id)?.abort()
    stops.current.delete(id)
    setItems(items => items.filter(item => item.id !== id))
  }
  const add = (directory: string, files: File[]) => {
    for (const file of files) {
      last.current += 1
      const id = last.current
      const path = join(directory, file.name)
      const stop = new AbortController()
      stops.current.set(id, stop)
      setItems(items => [...items, { id, path, size: file.size, sent: 0 }])
      queue.current = queue.current.then(async () => {
        if (stop.signal.aborted) return
        try {
          await upload(workspace, path, file, sent => change(id, { sent }), stop.signal)
          drop(id)
          done()
        } catch (error) {
          if (!stop.signal.aborted) change(id, { problem: problemOf(error).message })
        }
      })
    }
  }
  return { items, add, drop }
}

export function Uploads(props: { state: ReturnType<typeof useUploads> }) {
  const { items, drop } = props.state
  if (items.length === 0) return null
  return (
    <ul className="uploads" aria-label="Uploads">
      {items.map(item => (
        <li key={item.id} className="row wrap">
          <span className="cut grow">{item.path}</span>
          {item.problem ? (
            <span className="problem-line">{item.problem}</span>
          ) : (
            <>
              <Progress label={`Upload of ${item.path}`} done={item.sent} total={item.size} />
              <span className="dim num">
                {bytes(item.sent)} of {bytes(item.size)}
              </span>
            </>
          )}
          <button type="button" className="button bare small" onClick={() => drop(item.id)}>
            {item.problem ? 'Dismiss' : 'Cancel'}
          </button>
        </li>
      ))}
    </ul>
  )
}
