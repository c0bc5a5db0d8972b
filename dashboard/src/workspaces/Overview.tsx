import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { EnvValue, Workspace } from '../api/schema'
import { State } from '../missions/State'
import { DataTable } from '../ui/DataTable'
import { Facts } from '../ui/Facts'
import { bytes, count, duration, moment } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { Progress } from '../ui/Progress'
import { Section } from '../ui/Section'
import { DriftSection } from './DriftSection'
import { IsolationFacts } from './IsolationBadge'
import { reach } from './standing'
import { workspaceMissions, workspaceUsage } from './workspace'

export function Overview(props: { workspace: Workspace }) {
  const { workspace } = props
  // What is empty is left out of an answer.
  const env = Object.entries(workspace.env ?? {})
  const mounts = workspace.mounts ?? []
  return (
    <>
      <Section title="What is around it">
        <IsolationFacts workspace={workspace} />
      </Section>
      <Usage workspace={workspace} />
      <DriftSection workspace={workspace} />
      <Missions workspace={workspace} />
      <Section title="What it was made with">
        <Facts
          of={[
            ['Backend', workspace.backend],
            ['System', workspace.root?.title],
            ['Reaches', reach(workspace.network)],
            ['Made', moment(workspace.created_at)],
            ['Id', <code key="id">{workspace.id}</code>],
            ['User', workspace.user ? String(workspace.user) : undefined],
          ]}
        />
        {(workspace.network.allow?.length ?? 0) > 0 && (
          <details>
            <summary>Hosts of its list</summary>
            <ul className="mono hosts">
              {workspace.network.allow?.map(host => (
                <li key={host}>{host}</li>
              ))}
            </ul>
          </details>
        )}
        {env.length > 0 && (
          <DataTable label="Variables" head={['Variable', 'Value']}>
            {env.map(([name, value]) => (
              <tr key={name}>
                <td data-label="Variable" className="mono">
                  {name}
                </td>
                <td data-label="Value" className="text mono">
                  {envText(value)}
                </td>
              </tr>
            ))}
          </DataTable>
        )}
        {mounts.length > 0 && (
          <DataTable label="Directories of the machine" head={['On the machine', 'In the workspace', 'May']}>
            {mounts.map(({ source, target, writable }) => (
              <tr key={target}>
                <td data-label="Machine" className="mono">
                  {source}
                </td>
                <td data-label="Workspace" className="mono">
                  {target}
                </td>
                <td data-label="May">{writable ? 'read and write' : 'read'}</td>
              </tr>
            ))}
          </DataTable>
        )}
      </Section>
    </>
  )
}

function envText(value: EnvValue): string {
  if (typeof value === 'string') return value
  return 'secret' in value ? `the secret ${value.secret}` : `a file with the secret ${value.secret_file}`
}

function Usage(props: { workspace: Workspace }) {
  const { limits } = props.workspace
  const query = useQuery(workspaceUsage(props.workspace.id))
  return (
    <Section title="What it uses">
      <Loaded query={query} rows={1}>
        {usage => (
          <ul className="usage">
            <Used title="Memory" used={usage.memory} limit={limits.memory} write={bytes} />
            <Used title="Disk" used={usage.disk} limit={limits.disk} write={bytes} />
            <Used title="Processes" used={usage.processes} limit={limits.processes} write={count} />
            <li>
              <span className="dim">Processor time</span>
              <span className="num">
                {usage.cpu_micros == null ? 'unknown' : duration(usage.cpu_micros / 1000)}
              </span>
              {limits.cpu_millis && <span className="dim">of {limits.cpu_millis / 1000} at once</span>}
            </li>
            {(usage.oom_kills ?? 0) > 0 && (
              <li>
                <span className="dim">Out of memory</span>
                <span className="state fail">
                  <span aria-hidden>✕</span>
                  <span>{count(usage.oom_kills ?? 0)} killed</span>
                </span>
              </li>
            )}
          </ul>
        )}
      </Loaded>
    </Section>
  )
}

function Used(props: {
  title: string
  used: number | null | undefined
  limit: number | null
  write: (value: number) => string
}) {
  const { title, used, limit, write } = props
  return (
    <li>
      <span className="dim">{title}</span>
      <span className="num">{used == null ? 'unknown' : write(used)}</span>
      <span className="dim num">{limit ? `of ${write(limit)}` : 'without a limit'}</span>
      {limit !== null && used != null && (
        <Progress label={`${title} used`} done={used} total={limit} full={used > limit * 0.9} />
      )}
    </li>
  )
}

function Missions(props: { workspace: Workspace }) {
  const query = useQuery(workspaceMissions(props.workspace.id))
  return (
    <Section title="Missions">
      <Loaded
        query={query}
        rows={2}
        empty={{
          when: ({ items }) => items.length === 0,
          title: 'None yet',
          text: <p>No mission has worked here.</p>,
        }}
      >
        {({ items }) => (
          <ul className="plain-list">
            {items.map(mission => (
              <li key={mission.id}>
                <State mission={mission} />
                <Link to="/missions/$id" params={{ id: mission.id }} className="cut" dir="auto">
                  {mission.title}
                </Link>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Section>
  )
}
