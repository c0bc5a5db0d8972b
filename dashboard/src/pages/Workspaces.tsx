import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useCommands } from '../shell/commands'
import { Page } from '../ui/states'
import { Tabs } from '../ui/Tabs'
import { LeftoverList } from '../workspaces/LeftoverList'
import { AllSnapshots } from '../workspaces/SnapshotList'
import { TemplateList } from '../workspaces/TemplateList'
import { WorkspaceList } from '../workspaces/WorkspaceList'
import '../workspaces/workspaces.css'

export const WORKSPACES_TABS = [
  { id: 'workspaces', title: 'Workspaces' },
  { id: 'templates', title: 'Templates' },
  { id: 'snapshots', title: 'Snapshots' },
  { id: 'leftovers', title: 'Leftovers' },
] as const

/** The places where missions run, and what they are made from. */
export function Workspaces() {
  const { tab = 'workspaces' } = useSearch({ from: '/workspaces' })
  const navigate = useNavigate()
  useCommands([
    {
      id: 'new-workspace',
      title: 'New workspace',
      group: 'Here',
      run: () => void navigate({ to: '/workspaces/new' }),
    },
    {
      id: 'new-template',
      title: 'New template',
      group: 'Here',
      run: () => void navigate({ to: '/templates/new' }),
    },
  ])
  return (
    <Page
      title="Workspaces"
      ready
      head={
        <div className="row section-head">
          {tab === 'templates' ? (
            <Link to="/templates/new" className="button primary">
              <Plus className="icon" aria-hidden />
              New template
            </Link>
          ) : (
            <Link to="/workspaces/new" className="button primary">
              <Plus className="icon" aria-hidden />
              New workspace
            </Link>
          )}
        </div>
      }
    >
      <Tabs label="Kinds" now={tab} tabs={WORKSPACES_TABS} />
      {tab === 'workspaces' && <WorkspaceList />}
      {tab === 'templates' && <TemplateList />}
      {tab === 'snapshots' && <AllSnapshots />}
      {tab === 'leftovers' && <LeftoverList />}
    </Page>
  )
}
