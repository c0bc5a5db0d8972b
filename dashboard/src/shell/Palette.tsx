import { useId, useMemo, useState } from 'react'
import { Dialog } from '../ui/Dialog'
import { type Command, matching } from './commands'

const SHOWN = 50

export function Palette(props: { commands: Command[]; onClose: () => void }) {
  const [query, setQuery] = useState('')
  const [at, setAt] = useState(0)
  const list = useId()
  const found = useMemo(() => matching(props.commands, query).slice(0, SHOWN), [props.commands, query])
  const current = found[Math.min(at, found.length - 1)]
  const run = (command: Command | undefined) => {
    if (!command) return
    props.onClose()
    command.run()
  }
  return (
    <Dialog title="Search or run" onClose={props.onClose} className="palette">
      <input
        className="palette-input"
        role="combobox"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={current ? `${list}-${current.id}` : undefined}
        aria-label="Search or run"
        placeholder="A mission, a page, an action"
        autoFocus
        value={query}
        onChange={event => {
          setQuery(event.target.value)
          setAt(0)
        }}
        onKeyDown={event => {
          if (event.nativeEvent.isComposing) return
          if (event.key === 'ArrowDown') setAt((at + 1) % Math.max(1, found.length))
          else if (event.key === 'ArrowUp') setAt((at - 1 + found.length) % Math.max(1, found.length))
          else if (event.key === 'Enter') run(current)
          else return
          event.preventDefault()
        }}
      />
      <div role="listbox" id={list} aria-label="Results" className="palette-list">
        {found.map((command, index) => (
          <div
            key={command.id}
            id={`${list}-${command.id}`}
            role="option"
            tabIndex={-1}
            aria-selected={command === current}
            className={command.group === found[index - 1]?.group ? 'option' : 'option first'}
            data-group={command.group}
            ref={element => {
              if (command === current) element?.scrollIntoView({ block: 'nearest' })
            }}
            onClick={() => run(command)}
            onKeyDown={event => event.key === 'Enter' && run(command)}
          >
            <span className="cut grow">{command.title}</span>
            {command.detail && <span className="dim cut">{command.detail}</span>}
            {command.keys && <kbd className="key">{command.keys}</kbd>}
          </div>
        ))}
      </div>
      {found.length === 0 && <p className="palette-none">Nothing is called so.</p>}
    </Dialog>
  )
}
