import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { HarnessAbout, HarnessInfo } from '../api/schema'
import { harnesses } from '../missions/harnesses'
import { DataTable } from '../ui/DataTable'
import { age } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { useNow } from '../ui/now'
import { useRowKeys } from '../ui/rowKeys'
import { StateMark } from '../ui/StateMark'
import { InstallProgressBar } from './InstallProgressBar'
import { PHASES } from './queries'
import { standingOf } from './TestCall'

const ABILITIES: { key: keyof HarnessAbout; title: string }[] = [
  { key: 'resume', title: 'Resume' },
  { key: 'steer', title: 'Steer' },
  { key: 'approvals', title: 'Ask' },
  { key: 'planning', title: 'Plan' },
  { key: 'chooses_model', title: 'Models' },
  { key: 'usage', title: 'Cost' },
]

/** Which agents can begin, and what each can do. */
export function HarnessMatrix() {
  const query = useQuery({
    ...harnesses,
    refetchInterval: ({ state }) =>
      state.data?.items.some(({ phase }) => phase === 'installing') ? 1000 : 15_000,
  })
  const now = useNow(30_000)
  const rows = useRowKeys()
  return (
    <Loaded
      query={query}
      rows={7}
      empty={{
        when: ({ items }) => items.length === 0,
        title: 'No agents',
        text: <p>Agents are plugins of the kind harness. None is configured.</p>,
      }}
    >
      {({ items }) => (
        <div ref={rows}>
          <DataTable
            label="Agents"
            head={[
              'State',
              'Agent',
              'Version',
              ...ABILITIES.map(({ title }) => title),
              'Test',
              { title: 'Last good run', end: true },
            ]}
          >
            {items.map(harness => (
              <tr key={harness.id}>
                <td data-label="State">
                  <StateMark standing={PHASES[harness.phase]} title={harness.problem?.message} />
                </td>
                <td data-label="Agent" className="text">
                  <Link to="/harnesses/$id" params={{ id: harness.id }} className="strong" data-row>
                    {harness.id}
                  </Link>
                  {harness.problem ? (
                    <p className="problem-line">{harness.problem.message}</p>
                  ) : (
                    harness.about && <p className="soft">{harness.about.summary}</p>
                  )}
                  {harness.progress && <InstallProgressBar progress={harness.progress} />}
                </td>
                <td data-label="Version" className="num soft">
                  {versionOf(harness)}
                </td>
                {ABILITIES.map(({ key, title }) => (
                  <td key={key} data-label={title}>
                    <Ability has={harness.about?.[key]} />
                  </td>
                ))}
                <td data-label="Test">
                  {harness.test ? (
                    <StateMark standing={standingOf(harness.test)} title={harness.test.problem?.message} />
                  ) : (
                    <span className="dim">–</span>
                  )}
                </td>
                <td data-label="Last good run" className="right num soft">
                  {harness.last_good ? `${age(now - Date.parse(harness.last_good.at))} ago` : '–'}
                </td>
              </tr>
            ))}
          </DataTable>
        </div>
      )}
    </Loaded>
  )
}

/** The version that the next mission gets. */
export const versionOf = ({ pinned, configured, installed }: HarnessInfo) =>
  pinned ?? configured ?? installed[0]?.version ?? '–'

function Ability(props: { has: HarnessAbout[keyof HarnessAbout] | undefined }) {
  if (props.has === undefined) return <span className="dim">unknown</span>
  return props.has ? (
    <span className="state ok">
      <span aria-hidden>✓</span>
      <span className="hidden">yes</span>
    </span>
  ) : (
    <span className="dim">
      <span aria-hidden>–</span>
      <span className="hidden">no</span>
    </span>
  )
}
