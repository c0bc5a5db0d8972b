import { FitAddon } from '@xterm/addon-fit'
import { Terminal as Xterm } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import { useEffect, useRef, useState } from 'react'
import { useSignal } from '../signal'
import { shownTheme } from '../theme'
import { Attachment, type AttachmentState } from './attachment'
import { palette } from './palette'

/** The keys that a phone's keyboard has not. */
const KEYS = [
  { title: 'Esc', sends: '\u001b' },
  { title: 'Tab', sends: '\t' },
  { title: 'Ctrl C', sends: '\u0003' },
  { title: 'Ctrl D', sends: '\u0004' },
  { title: '↑', sends: '\u001b[A', word: 'Up' },
  { title: '↓', sends: '\u001b[B', word: 'Down' },
]

/** A process with a terminal, seen and typed into. */
export function Terminal(props: { process: string }) {
  const place = useRef<HTMLDivElement>(null)
  const screen = useRef<Xterm>(null)
  const attachment = useRef<Attachment>(null)
  const [state, setState] = useState<AttachmentState>({ is: 'connecting' })
  const theme = useSignal(shownTheme)

  useEffect(() => {
    const box = place.current
    if (!box) return
    const terminal = new Xterm({
      fontFamily: "'JetBrains Mono Variable', ui-monospace, monospace",
      fontSize: 13,
      lineHeight: 1.2,
      scrollback: 10_000,
      cursorBlink: false,
      theme: palette(),
      linkHandler: null,
    })
    const fit = new FitAddon()
    terminal.loadAddon(fit)
    terminal.open(box)
    const attached = new Attachment(props.process, {
      print: bytes => terminal.write(bytes),
      state: state => {
        setState(state)
        terminal.options.disableStdin = state.is !== 'open'
      },
    })
    const resized = () => {
      if (box.clientWidth === 0) return
      fit.fit()
      attached.resize(terminal.rows, terminal.cols)
    }
    terminal.onData(text => attached.type(text))
    terminal.onBinary(text => attached.type(text))
    const observer = new ResizeObserver(resized)
    observer.observe(box)
    screen.current = terminal
    attachment.current = attached
    terminal.focus()
    return () => {
      observer.disconnect()
      attached.close()
      terminal.dispose()
      screen.current = null
    }
  }, [props.process])

  // biome-ignore lint/correctness/useExhaustiveDependencies: its colours are read from the page's
  useEffect(() => {
    if (screen.current) screen.current.options.theme = palette()
  }, [theme])

  return (
    <div className="terminal">
      <div className="terminal-state" role="status">
        {state.is === 'connecting' && <span className="dim">Connecting…</span>}
        {state.is === 'lost' && (
          <span className="state fail">
            <span aria-hidden>✕</span>
            <span>Connection lost: what is typed does not arrive. Reconnecting…</span>
          </span>
        )}
        {state.is === 'ended' && <span className="soft">The shell {state.how}.</span>}
      </div>
      <div ref={place} className="terminal-screen" data-keys="own" data-state={state.is} />
      <div className="terminal-keys">
        {KEYS.map(({ title, sends, word }) => (
          <button
            key={title}
            type="button"
            className="button small"
            aria-label={word}
            onPointerDown={event => event.preventDefault()}
            onClick={() => attachment.current?.type(sends)}
          >
            {title}
          </button>
        ))}
      </div>
    </div>
  )
}
