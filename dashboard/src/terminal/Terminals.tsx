import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { api, call } from '../api/client'
import type { Process } from '../api/schema'
import { useAction } from '../ui/action'
import { ConfirmButton } from '../ui/Confirm'
import { Empty, Failed, Loading } from '../ui/states'
import { workspaceProcesses } from '../workspaces/workspace'
import { Terminal } from './Terminal'
import './terminal.css'

/** The shells of a workspace. They live on the server: a reload, another browser and another person find the same. */
export function Terminals(props: { workspace: string }) {
  const { workspace } = props
  const { process: wanted } = useSearch({ from: '/workspaces/$id' })
  const navigate = useNavigate({ from: '/workspaces/$id' })
  const query = useQuery(workspaceProcesses(workspace))
  const shells = (query.data?.items ?? []).filter(({ tty }) => tty).reverse()
  const shown =
    shells.find(({ id }) => id === wanted) ?? shells.findLast(({ exit }) => !exit) ?? shells.at(-1)
  const show = (process: string | undefined) =>
    void navigate({ search: { tab: 'terminal', process }, replace: true })
  const stale = [['workspaces', workspace, 'processes']]
  const open = useAction({
    run: () =>
      call(
        api.POST('/api/v1/workspaces/{id}/processes', {
          params: { path: { id: workspace } },
          body: { tty: { rows: 24, cols: 80 }, env: { TERM: 'xterm-256color', COLORTERM: 'truecolor' } },
        }),
      ) as Promise<Process>,
    stale,
    quiet: true,
    after: ({ id }) => show(id),
  })
  const remove = useAction({
    run: (id: string) => call(api.DELETE('/api/v1/processes/{id}', { params: { path: { id } } })),
    stale,
    after: () => show(undefined),
  })
  // Where there is none at first, one opens by itself; not after the last was ended.
  const asked = useRef(false)
  const none = query.data && shells.length === 0
  useEffect(() => {
    if (none === undefined || asked.current) return
    asked.current = true
    if (none) open.mutate()
  }, [none, open])
  return (
    <section className="terminals" aria-label="Terminals">
      <div className="row wrap">
        <div className="tabs grow" role="tablist" aria-label="Shells">
          {shells.map(({ id, exit, command }, index) => (
            <button
              key={id}
              type="button"
              role="tab"
              aria-selected={id === shown?.id}
              className={id === shown?.id ? 'tab now' : 'tab'}
              onClick={() => show(id)}
            >
              {command.length === 0 ? `Shell ${index + 1}` : command.join(' ').slice(0, 24)}
              {exit && <span className="dim"> ended</span>}
            </button>
          ))}
        </div>
        <button
          type="button"
          className="button small"
          disabled={open.isPending}
          onClick={() => open.mutate()}
        >
          <Plus className="icon" aria-hidden />
          New shell
        </button>
        {shown &&
          (shown.exit ? (
            <button type="button" className="button small" onClick={() => remove.mutate(shown.id)}>
              Remove
            </button>
          ) : (
            <ConfirmButton
              label="End"
              title="End the shell"
              confirm="End it"
              onConfirm={() => remove.mutate(shown.id)}
            >
              <p>All that was started in it is killed, and what it printed is forgotten.</p>
            </ConfirmButton>
          ))}
      </div>
      {(query.error || open.error) && (
        <Failed
          error={query.error ?? open.error}
          retry={() => (query.error ? void query.refetch() : open.mutate())}
        />
      )}
      {(query.isPending || (open.isPending && !shown)) && <Loading rows={1} label="Starting a shell" />}
      {shown && <Terminal key={shown.id} process={shown.id} />}
      {none && !open.isPending && !open.error && (
        <Empty title="No shell is open">
          <p>A shell runs in the workspace until it is ended, also while nobody looks.</p>
        </Empty>
      )}
    </section>
  )
}
