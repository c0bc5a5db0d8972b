import { useEffect, useState } from 'react'

/** Text that is kept in this browser until it is sent. */
export function useDraft(name: string): [string, (text: string) => void] {
  const key = `draft:${name}`
  const [text, setText] = useState(() => read(key))
  useEffect(() => setText(read(key)), [key])
  return [
    text,
    next => {
      setText(next)
      try {
        if (next) localStorage.setItem(key, next)
        else localStorage.removeItem(key)
      } catch {
        // A browser that keeps nothing keeps it as long as the page is there.
      }
    },
  ]
}

function read(key: string): string {
  try {
    return localStorage.getItem(key) ?? ''
  } catch {
    return ''
  }
}
