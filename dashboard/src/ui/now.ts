import { useEffect, useState } from 'react'

/** The time, which goes on in steps; not while nobody sees it. */
export function useNow(step: number): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now())
    }, step)
    return () => clearInterval(timer)
  }, [step])
  return now
}
