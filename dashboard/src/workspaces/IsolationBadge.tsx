import { ShieldAlert, ShieldCheck, ShieldQuestion } from 'lucide-react'
import type { Workspace } from '../api/schema'
import { isolation } from './isolation'
import './workspaces.css'

/** What really is around a workspace, in a word; the rest is its title and on the workspace's page. */
export function IsolationBadge(props: { workspace: Pick<Workspace, 'backend' | 'network'> }) {
  const { backend, network } = props.workspace
  const known = isolation(backend, network.mode)
  if (!known) {
    return (
      <span
        className="isolation"
        title={`What the backend ${backend} keeps from a workspace is in its own documentation.`}
      >
        <ShieldQuestion className="icon" aria-hidden />
        {backend}
      </span>
    )
  }
  const Icon = known.strong ? ShieldCheck : ShieldAlert
  return (
    <span
      className={known.strong ? 'isolation' : 'isolation weak'}
      title={[
        `Files: ${known.files}`,
        `Processes: ${known.processes}`,
        `Network: ${known.network}`,
        ...known.gaps,
      ].join('\n')}
    >
      <Icon className="icon" aria-hidden />
      {known.word}
      {network.mode === 'shared' && ', shared network'}
    </span>
  )
}

/** The same in full. */
export function IsolationFacts(props: { workspace: Pick<Workspace, 'backend' | 'network'> }) {
  const known = isolation(props.workspace.backend, props.workspace.network.mode)
  if (!known) {
    return <p className="soft">What this backend keeps from a workspace is in its own documentation.</p>
  }
  return (
    <div className="isolation-facts">
      <dl className="facts">
        <div>
          <dt>Files</dt>
          <dd>{known.files}</dd>
        </div>
        <div>
          <dt>Processes</dt>
          <dd>{known.processes}</dd>
        </div>
        <div>
          <dt>Network</dt>
          <dd>{known.network}</dd>
        </div>
      </dl>
      <ul className="gaps">
        {known.gaps.map(gap => (
          <li key={gap}>{gap}</li>
        ))}
      </ul>
    </div>
  )
}
