import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { api, call } from '../api/client'
import type { Workspace } from '../api/schema'
import { useCommands } from '../shell/commands'
import { useAction } from '../ui/action'
import { ConfirmButton } from '../ui/Confirm'
import { StateMark } from '../ui/StateMark'
import { Failed, Loading, Page } from '../ui/states'
import { Tabs } from '../ui/Tabs'
import { Builds } from '../workspaces/Builds'
import { IsolationBadge } from '../workspaces/IsolationBadge'
import { Network } from '../workspaces/Network'
import { Overview } from '../workspaces/Overview'
import { Ports } from '../workspaces/Ports'
import { Processes } from '../workspaces/Processes'
import { WorkspaceSnapshots } from '../workspaces/SnapshotList'
import { PHASES } from '../workspaces/standing'
import { workspace } from '../workspaces/workspace'
import '../workspaces/workspaces.css'

// Most visits need neither.
const Files = lazy(() => import('../files/Files').then(({ Files }) => ({ default: Files })))
const Terminals = lazy(() =>
  import('../terminal/Terminals').then(({ Terminals }) => ({ default: Terminals })),
)

export const WORKSPACE_TABS = [
  { id: 'overview', title: 'Overview' },
  { id: 'files', title: 'Files' },
  { id: 'terminal', title: 'Terminal' },
  { id: 'processes', title: 'Processes' },
  { id: 'ports', title: 'Ports' },
  { id: 'snapshots', title: 'Snapshots' },
  { id: 'network', title: 'Network' },
  { id: 'build', title: 'Builds' },
] as const

/** One workspace, and everything that can be done with it. */
export function WorkspacePage() {
  const { id } = useParams({ from: '/workspaces/$id' })
  const { tab = 'overview' } = useSearch({ from: '/workspaces/$id' })
  const navigate = useNavigate({ from: '/workspaces/$id' })
  const query = useQuery(workspace(id))
  const place = query.data
  useCommands(
    WORKSPACE_TABS.map(({ id, title }) => ({
      id: `workspace-${id}`,
      title: `${title} of this workspace`,
      group: 'Here' as const,
      run: () => void navigate({ search: { tab: id } }),
    })),
  )
  return (
    <Page
      title={place?.name ?? 'Workspace'}
      ready={!query.isPending}
      className={tab === 'terminal' || tab === 'files' ? 'fill' : ''}
      head={
        place && (
          <>
            <StateMark standing={PHASES[place.phase]} />
            <IsolationBadge workspace={place} />
            <div className="row section-head">
              <Link to="/new" search={{ workspace: place.name }} className="button">
                New mission here
              </Link>
              <DeleteWorkspace workspace={place} />
            </div>
          </>
        )
      }
    >
      <Tabs label="Parts of the workspace" now={tab} tabs={WORKSPACE_TABS} />
      {query.error && !place && <Failed error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && !query.error && <Loading />}
      {place?.problem && tab !== 'build' && (
        <div className="problem">
          <p>{place.problem.message}</p>
          {place.problem.hint && <p className="hint">{place.problem.hint}</p>}
          <p className="dim mono">{place.problem.code}</p>
        </div>
      )}
      {place && (
        <Suspense fallback={<Loading />}>
          <Part tab={tab} workspace={place} />
        </Suspense>
      )}
    </Page>
  )
}

function Part(props: { tab: (typeof WORKSPACE_TABS)[number]['id']; workspace: Workspace }) {
  const { workspace } = props
  switch (props.tab) {
    case 'overview':
      return <Overview workspace={workspace} />
    case 'files':
      return <Files workspace={workspace.id} />
    case 'terminal':
      return <Terminals workspace={workspace.id} />
    case 'processes':
      return <Processes workspace={workspace.id} />
    case 'ports':
      return <Ports workspace={workspace} />
    case 'snapshots':
      return <WorkspaceSnapshots workspace={workspace} />
    case 'network':
      return <Network workspace={workspace} />
    case 'build':
      return <Builds workspace={workspace} />
  }
}

function DeleteWorkspace(props: { workspace: Workspace }) {
  const { id, name } = props.workspace
  const navigate = useNavigate()
  const remove = useAction({
    run: () => call(api.DELETE('/api/v1/workspaces/{id}', { params: { path: { id } } })),
    done: `${name} is deleted.`,
    stale: [['workspaces']],
    after: () => void navigate({ to: '/workspaces' }),
  })
  return (
    <ConfirmButton
      label="Delete"
      title={`Delete ${name}`}
      confirm="Delete with its files"
      className="button danger"
      disabled={remove.isPending}
      onConfirm={() => remove.mutate()}
    >
      <p>
        Its files are gone then. Snapshots that were taken of it stay. It is refused while a mission uses it.
      </p>
    </ConfirmButton>
  )
}
