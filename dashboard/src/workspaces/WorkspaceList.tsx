import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useRef } from 'react'
import type { Workspace } from '../api/schema'
import { useKeys } from '../shell/keys'
import { DataTable } from '../ui/DataTable'
import { age, bytes } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { useNow } from '../ui/now'
import { useRowKeys } from '../ui/rowKeys'
import { StateMark } from '../ui/StateMark'
import { Empty } from '../ui/states'
import { IsolationBadge } from './IsolationBadge'
import { workspaces } from './queries'
import { PHASES, reach } from './standing'
import { templates } from './workspace'

/** All workspaces, the newest first. */
export function WorkspaceList() {
  const query = useQuery({ ...workspaces, refetchInterval: 5000 })
  const { q = '' } = useSearch({ from: '/workspaces' })
  const navigate = useNavigate({ from: '/workspaces' })
  const filter = useRef<HTMLInputElement>(null)
  const all = useQuery(templates)
  const newest = new Map(all.data?.items.map(({ name, version }) => [name, version]))
  const now = useNow(30_000)
  useKeys({ filter: () => filter.current?.focus() })
  const rows = useRowKeys()
  return (
    <Loaded
      query={query}
      empty={{
        when: ({ items }) => items.length === 0,
        title: 'No workspaces yet',
        text: (
          <p>
            A workspace is where missions run. A mission that names none gets one of its own; make one here to
            choose what is in it, or to share it between missions.
          </p>
        ),
      }}
    >
      {({ items }) => {
        const found = items.filter(workspace => matches(workspace, q))
        return (
          <div className="section">
            <input
              ref={filter}
              className="input filter"
              type="search"
              aria-label="Filter workspaces"
              placeholder="Name, backend, template or state"
              value={q}
              onChange={event =>
                void navigate({
                  search: before => ({ ...before, q: event.target.value || undefined }),
                  replace: true,
                })
              }
            />
            {found.length === 0 ? (
              <Empty title="None of them fits">
                <p>No workspace has these words in its name, backend, template or state.</p>
              </Empty>
            ) : (
              <div ref={rows}>
                <DataTable
                  label="Workspaces"
                  head={[
                    'State',
                    'Name',
                    'Isolation',
                    'Reaches',
                    'Limits',
                    'Template',
                    { title: 'Age', end: true },
                  ]}
                >
                  {found.map(workspace => (
                    <tr key={workspace.id}>
                      <td data-label="State">
                        <StateMark standing={PHASES[workspace.phase]} title={workspace.problem?.message} />
                      </td>
                      <td data-label="Name">
                        <Link to="/workspaces/$id" params={{ id: workspace.id }} className="strong" data-row>
                          {workspace.name}
                        </Link>
                        {workspace.problem && <p className="problem-line">{workspace.problem.message}</p>}
                      </td>
                      <td data-label="Isolation">
                        <IsolationBadge workspace={workspace} />
                      </td>
                      <td data-label="Reaches" className="soft">
                        {reach(workspace.network)}
                      </td>
                      <td data-label="Limits" className="soft num">
                        {limits(workspace)}
                      </td>
                      <td data-label="Template">
                        {workspace.template ? (
                          <span className="row">
                            <Link to="/templates/$name" params={{ name: workspace.template.name }}>
                              {workspace.template.name}
                            </Link>
                            {(newest.get(workspace.template.name) ?? 0) > workspace.template.version && (
                              <span className="tag">newer version</span>
                            )}
                          </span>
                        ) : (
                          <span className="dim">–</span>
                        )}
                      </td>
                      <td data-label="Age" className="right num soft">
                        {age(now - Date.parse(workspace.created_at))}
                      </td>
                    </tr>
                  ))}
                </DataTable>
              </div>
            )}
          </div>
        )
      }}
    </Loaded>
  )
}

function matches(workspace: Workspace, q: string): boolean {
  const text =
    `${workspace.name} ${workspace.backend} ${workspace.template?.name ?? ''} ${PHASES[workspace.phase].word}`.toLowerCase()
  return q
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word))
}

function limits({ limits }: Workspace): string {
  const parts = [
    limits.memory && bytes(limits.memory),
    limits.cpu_millis && `${limits.cpu_millis / 1000} CPU`,
    limits.disk && `${bytes(limits.disk)} disk`,
  ].filter(Boolean)
  return parts.join(' · ') || 'none'
}
