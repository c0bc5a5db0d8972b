import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { api, call } from '../api/client'
import type { Process } from '../api/schema'
import { useAction } from '../ui/action'
import { ConfirmButton } from '../ui/Confirm'
import { DataTable } from '../ui/DataTable'
import { Field } from '../ui/Field'
import { age } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { LogView } from '../ui/LogView'
import { Menu, MenuItem } from '../ui/Menu'
import { useNow } from '../ui/now'
import { Section } from '../ui/Section'
import { StateMark } from '../ui/StateMark'
import { ending } from './standing'
import { workspaceProcesses } from './workspace'

const SIGNALS = [
  { signal: 2, title: 'Interrupt (2)' },
  { signal: 15, title: 'Ask to end (15)' },
  { signal: 9, title: 'Kill (9)' },
  { signal: 1, title: 'Hang up (1)' },
]

/** What people started in a workspace. */
export function Processes(props: { workspace: string }) {
  const id = props.workspace
  const query = useQuery(workspaceProcesses(id))
  const navigate = useNavigate({ from: '/workspaces/$id' })
  const now = useNow(1000)
  const [command, setCommand] = useState('')
  const [shown, setShown] = useState<string>()
  const stale = [['workspaces', id, 'processes']]
  const start = useAction({
    run: () =>
      call(
        api.POST('/api/v1/workspaces/{id}/processes', {
          params: { path: { id } },
          body: { command: ['sh', '-c', command] },
        }),
      ) as Promise<Process>,
    stale,
    after: ({ id }) => {
      setShown(id)
      setCommand('')
    },
  })
  const signal = useAction({
    run: (sent: { id: string; signal: number }) =>
      call(
        api.POST('/api/v1/processes/{id}/signal', {
          params: { path: { id: sent.id } },
          body: { signal: sent.signal },
        }),
      ),
    stale,
  })
  const remove = useAction({
    run: (id: string) => call(api.DELETE('/api/v1/processes/{id}', { params: { path: { id } } })),
    stale,
  })
  return (
    <>
      <form
        className="inline-form"
        onSubmit={event => {
          event.preventDefault()
          if (command.trim()) start.mutate()
        }}
      >
        <Field label="Run a command in the background">
          <input
            className="input mono"
            value={command}
            spellCheck={false}
            placeholder="npm run dev"
            onChange={event => setCommand(event.target.value)}
          />
        </Field>
        <button type="submit" className="button" disabled={start.isPending || !command.trim()}>
          Run
        </button>
      </form>
      <Section
        title="Processes"
        about="They go on until they end or are removed, also when the server is started anew. Turns of missions are not among them."
      >
        <Loaded
          query={query}
          rows={2}
          empty={{
            when: ({ items }) => items.length === 0,
            title: 'Nobody started anything here',
            text: <p>Run a command above, or open a terminal.</p>,
          }}
        >
          {({ items }) => (
            <DataTable
              label="Processes"
              head={['State', 'Command', { title: 'Age', end: true }, { title: 'Actions', hidden: true }]}
            >
              {items.map(process => (
                <tr key={process.id}>
                  <td data-label="State">
                    <StateMark standing={standing(process)} />
                  </td>
                  <td data-label="Command" className="text mono">
                    {process.command.length === 0 ? 'login shell' : commandText(process.command)}
                    {process.tty && <span className="tag">terminal</span>}
                  </td>
                  <td data-label="Age" className="right num soft">
                    {age(now - Date.parse(process.created_at))}
                  </td>
                  <td className="actions">
                    {process.tty ? (
                      <button
                        type="button"
                        className="button small"
                        onClick={() => void navigate({ search: { tab: 'terminal', process: process.id } })}
                      >
                        Open
                      </button>
                    ) : (
                      <button
                        type="button"
                        className="button small"
                        aria-expanded={shown === process.id}
                        onClick={() => setShown(shown === process.id ? undefined : process.id)}
                      >
                        Output
                      </button>
                    )}
                    {!process.exit && (
                      <Menu label="Signal" className="button small" disabled={signal.isPending}>
                        {SIGNALS.map(({ signal: number, title }) => (
                          <MenuItem
                            key={number}
                            onChoose={() => signal.mutate({ id: process.id, signal: number })}
                          >
                            {title}
                          </MenuItem>
                        ))}
                      </Menu>
                    )}
                    {process.exit ? (
                      <button
                        type="button"
                        className="button small"
                        disabled={remove.isPending}
                        onClick={() => remove.mutate(process.id)}
                      >
                        Remove
                      </button>
                    ) : (
                      <ConfirmButton
                        label="Remove"
                        title="Remove the process"
                        confirm="Kill and remove"
                        onConfirm={() => remove.mutate(process.id)}
                      >
                        <p>It is killed with all that it started, and what it printed is forgotten.</p>
                      </ConfirmButton>
                    )}
                  </td>
                </tr>
              ))}
            </DataTable>
          )}
        </Loaded>
        {shown && query.data?.items.some(({ id }) => id === shown) && (
          <LogView
            label="Output"
            urls={['stdout', 'stderr'].map(stream => `/api/v1/processes/${shown}/output?stream=${stream}`)}
          />
        )}
      </Section>
    </>
  )
}

/** A command as people type it; what was given to a shell as a whole is shown without that shell. */
function commandText(command: string[]): string {
  const [program, flag, script] = command
  if (command.length === 3 && program === 'sh' && flag === '-c' && script) return script
  return command.join(' ')
}

function standing({ exit }: Process) {
  if (!exit) return { glyph: '●', word: 'Running', tone: 'running' as const }
  const good = 'code' in exit && exit.code === 0
  return { glyph: good ? '✓' : '✕', word: ending(exit), tone: good ? ('ok' as const) : ('fail' as const) }
}
