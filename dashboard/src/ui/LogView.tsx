import { useEffect, useRef, useState } from 'react'
import { problemOf } from '../api/problem'
import { raw } from '../api/raw'
import { segments } from '../transcript/ansi'
import './parts.css'

/** What of a log is kept in the page; the rest is with the server. */
const KEPT = 256 << 10
/** What comes within this time is shown together. */
const FLUSH = 100

/** What a program prints, as it comes. Several streams are shown in the order of their coming. */
export function LogView(props: { label: string; urls: string[] }) {
  const { text, cut, problem } = useLog(props.urls.join('\n'))
  const box = useRef<HTMLPreElement>(null)
  const pinned = useRef(true)
  // biome-ignore lint/correctness/useExhaustiveDependencies: new text moves the end
  useEffect(() => {
    if (box.current && pinned.current) box.current.scrollTop = box.current.scrollHeight
  }, [text])
  return (
    <>
      {cut && <p className="dim">Only the end is shown.</p>}
      {problem && <p className="problem-line">{problem}</p>}
      <pre
        ref={box}
        className="log-view"
        role="log"
        aria-live="off"
        aria-label={props.label}
        tabIndex={0}
        onScroll={({ currentTarget: box }) => {
          pinned.current = box.scrollHeight - box.scrollTop - box.clientHeight < 24
        }}
      >
        {text ? (
          segments(text).map(({ text, style }, index) => (
            <span key={index} className={style || undefined}>
              {text}
            </span>
          ))
        ) : (
          <span className="dim">It has printed nothing yet.</span>
        )}
      </pre>
    </>
  )
}

function useLog(urls: string) {
  const [log, setLog] = useState<{ text: string; cut: boolean; problem?: string }>({ text: '', cut: false })
  useEffect(() => {
    const gone = new AbortController()
    let text = ''
    let cut = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const show = () => {
      timer ??= setTimeout(() => {
        timer = undefined
        setLog({ text, cut })
      }, FLUSH)
    }
    const add = (piece: string) => {
      text += piece
      if (text.length > KEPT) {
        text = text.slice(text.indexOf('\n', text.length - KEPT) + 1)
        cut = true
      }
      show()
    }
    for (const url of urls.split('\n')) {
      void follow(url, gone.signal, add).catch(error => {
        if (!gone.signal.aborted) setLog({ text, cut, problem: problemOf(error).message })
      })
    }
    return () => {
      gone.abort()
      clearTimeout(timer)
    }
  }, [urls])
  return log
}

async function follow(url: string, signal: AbortSignal, add: (text: string) => void) {
  const { body } = await raw(url, { signal })
  if (!body) return
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    add(value)
  }
}
