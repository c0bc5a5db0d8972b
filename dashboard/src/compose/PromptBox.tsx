import { useEffect, useId, useLayoutEffect, useRef, useState } from 'react'
import { AttachmentList } from '../attach/AttachmentList'
import { type Attachments, MOST } from '../attach/files'
import { tell } from '../shell/toasts'
import { visible } from '../transcript/visible'
import { counted } from '../ui/format'
import type { SlashCommand } from './choices'
import { type Place, type Suggestion, useSuggestions } from './useSuggestions'
import './compose.css'

/** Takes files; says so where they are too many. */
export function attach(to: Attachments, files: readonly File[]) {
  const over = to.add(files)
  if (over > 0) tell(`${counted(over, 'file')} left out: ${MOST} come with a message.`)
}

/** Where a message is written: `@` names a file of the workspace, `/` a command, and files come by paste and drop. */
export function PromptBox(props: {
  label: string
  placeholder: string
  text: string
  onText: (text: string) => void
  rows: number
  className?: string
  autoFocus?: boolean
  /** What is offered opens above the box, not below it. */
  above?: boolean
  place?: Place
  commands: readonly SlashCommand[]
  files: Attachments
  /** A key that was pressed and was for nothing that is offered. */
  onKey: (event: React.KeyboardEvent<HTMLTextAreaElement>) => void
}) {
  const { text, onText, files } = props
  const box = useRef<HTMLTextAreaElement>(null)
  const [caret, setCaret] = useState(text.length)
  const [at, setAt] = useState(0)
  const [over, setOver] = useState(false)
  const [focused, setFocused] = useState(false)
  const list = useId()
  const { asking, suggestions, close } = useSuggestions({
    text,
    caret,
    place: props.place,
    commands: props.commands,
  })
  const open = focused && suggestions.length > 0
  const now = Math.min(at, suggestions.length - 1)
  const shown = useRef<HTMLDivElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another one is to be seen
  useEffect(() => {
    shown.current?.scrollIntoView({ block: 'nearest' })
  }, [now])

  // The caret goes behind what was put in, once that is in the box.
  const wanted = useRef<number>(undefined)
  useLayoutEffect(() => {
    if (wanted.current === undefined) return
    box.current?.setSelectionRange(wanted.current, wanted.current)
    wanted.current = undefined
  })
  const choose = (suggestion: Suggestion) => {
    if (!asking) return
    wanted.current = asking.from + suggestion.text.length
    setCaret(wanted.current)
    setAt(0)
    onText(text.slice(0, asking.from) + suggestion.text + text.slice(asking.to))
    suggestion.run?.()
  }
  useDrop(files, setOver)
  return (
    <div className={over ? 'prompt over' : 'prompt'}>
      <textarea
        ref={box}
        className={`input ${props.className ?? ''}`}
        aria-label={props.label}
        aria-autocomplete="list"
        aria-controls={open ? list : undefined}
        aria-activedescendant={open ? `${list}-${now}` : undefined}
        placeholder={props.placeholder}
        rows={props.rows}
        autoFocus={props.autoFocus}
        value={text}
        onFocus={() => setFocused(true)}
        onBlur={() => setFocused(false)}
        onChange={({ target }) => {
          setCaret(target.selectionStart)
          setAt(0)
          onText(target.value)
        }}
        onSelect={({ currentTarget }) => setCaret(currentTarget.selectionStart)}
        onPaste={event => {
          const pasted = [...event.clipboardData.files]
          // Programs put a picture of a text beside the text: then the text is meant.
          if (pasted.length === 0 || event.clipboardData.types.includes('text/plain')) return
          event.preventDefault()
          attach(files, pasted)
        }}
        onKeyDown={event => {
          // What an input method is told is no key of the page; some browsers tell it by the code alone.
          if (event.nativeEvent.isComposing || event.keyCode === 229) return
          const chosen = suggestions[now]
          if (open && chosen) {
            const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
            if (step !== 0) setAt((now + step + suggestions.length) % suggestions.length)
            else if (event.key === 'Escape') close()
            else if ((event.key === 'Enter' && !event.ctrlKey && !event.metaKey) || event.key === 'Tab')
              choose(chosen)
            else return props.onKey(event)
            event.preventDefault()
            event.stopPropagation()
          } else props.onKey(event)
        }}
      />
      {open && (
        <div
          id={list}
          className={props.above ? 'offers above' : 'offers'}
          role="listbox"
          tabIndex={0}
          aria-label={asking?.kind === 'file' ? 'Files' : 'Commands'}
        >
          {suggestions.map((suggestion, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: keys are those of the box
            // biome-ignore lint/a11y/useFocusableInteractive: the box keeps the focus
            <div
              key={suggestion.name}
              id={`${list}-${index}`}
              ref={index === now ? shown : undefined}
              role="option"
              aria-selected={index === now}
              onPointerDown={event => event.preventDefault()}
              onClick={() => choose(suggestion)}
            >
              <code className="cut">
                {asking?.kind === 'command' ? '/' : ''}
                {visible(suggestion.name)}
              </code>
              {suggestion.title && <span className="cut grow dim">{visible(suggestion.title)}</span>}
            </div>
          ))}
        </div>
      )}
      <AttachmentList files={files} />
    </div>
  )
}

/** Files that are dropped anywhere on the page come along: dropped beside the box they would take the page away. */
function useDrop(files: Attachments, setOver: (over: boolean) => void) {
  useEffect(() => {
    const carries = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true
    const over = (event: DragEvent) => {
      if (!carries(event) || event.defaultPrevented) return
      event.preventDefault()
      setOver(true)
    }
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false)
    }
    const drop = (event: DragEvent) => {
      if (!carries(event) || event.defaultPrevented) return
      event.preventDefault()
      setOver(false)
      attach(files, [...(event.dataTransfer?.files ?? [])])
    }
    addEventListener('dragover', over)
    addEventListener('dragleave', leave)
    addEventListener('drop', drop)
    return () => {
      removeEventListener('dragover', over)
      removeEventListener('dragleave', leave)
      removeEventListener('drop', drop)
    }
  }, [files, setOver])
}
