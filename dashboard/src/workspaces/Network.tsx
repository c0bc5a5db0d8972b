import { useQueries, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { api, call } from '../api/client'
import type { Event, Mission, Workspace } from '../api/schema'
import { DataTable } from '../ui/DataTable'
import { bytes, count, moment } from '../ui/format'
import { Section } from '../ui/Section'
import { StateMark } from '../ui/StateMark'
import { Empty, Failed, Loading } from '../ui/states'
import { reach } from './standing'
import { type Verdict, verdicts } from './verdicts'
import { workspaceMissions } from './workspace'

/** The missions whose connections are looked up: each is a request. */
const MISSIONS = 8
const EVENTS = 500

const REASONS: Record<string, string> = {
  rule: 'it is on the list',
  open: 'every public address is allowed',
  not_listed: 'it is not on the list',
  private_address: 'it is a private address',
  upstream_down: 'it did not answer',
}

/** What asked for the way out of a workspace, and what became of it. */
export function Network(props: { workspace: Workspace }) {
  const { workspace } = props
  const missions = useQuery(workspaceMissions(workspace.id))
  const latest = (missions.data?.items ?? []).slice(0, MISSIONS)
  const logs = useQueries({ queries: latest.map(connectionsOf) })
  const failed = missions.error ?? logs.find(({ error }) => error)?.error
  const pending = missions.isPending || logs.some(({ isPending }) => isPending)
  const found = verdicts(logs.flatMap(({ data }) => data?.items ?? []))
  return (
    <Section
      title="Connections"
      about={
        <>
          It reaches {reach(workspace.network)}. Below is what its latest missions asked for; what was refused
          is first.
        </>
      }
    >
      {failed && <Failed error={failed} retry={() => void missions.refetch()} />}
      {pending && !failed && <Loading rows={3} />}
      {!pending && !failed && found.length === 0 && (
        <Empty title="Nothing asked for the way out">
          <p>
            {latest.length === 0
              ? 'No mission has worked here.'
              : 'The latest missions of this workspace connected to nothing that the server’s proxy saw.'}
          </p>
        </Empty>
      )}
      {found.length > 0 && (
        <DataTable
          label="Connections"
          head={[
            'Verdict',
            'Target',
            'Why',
            { title: 'Times', end: true },
            { title: 'In / out', end: true },
            'Last',
            'Mission',
          ]}
        >
          {found.map(verdict => (
            <Row
              key={`${verdict.host}:${verdict.port} ${verdict.allowed} ${verdict.reason}`}
              verdict={verdict}
              missions={latest}
            />
          ))}
        </DataTable>
      )}
    </Section>
  )
}

function Row(props: { verdict: Verdict; missions: Mission[] }) {
  const { verdict } = props
  return (
    <tr>
      <td data-label="Verdict">
        <StateMark
          standing={
            verdict.allowed
              ? { glyph: '✓', word: 'Let out', tone: 'ok' }
              : { glyph: '✕', word: 'Refused', tone: 'fail' }
          }
        />
      </td>
      <td data-label="Target" className="text mono">
        {verdict.host}:{verdict.port}
      </td>
      <td data-label="Why" className="soft">
        {REASONS[verdict.reason] ?? verdict.reason}
      </td>
      <td data-label="Times" className="right num">
        {count(verdict.count)}
      </td>
      <td data-label="In / out" className="right num soft">
        {bytes(verdict.bytes_down)} / {bytes(verdict.bytes_up)}
      </td>
      <td data-label="Last" className="soft">
        {moment(verdict.at)}
      </td>
      <td data-label="Mission" className="cut-cell">
        <Link to="/missions/$id" params={{ id: verdict.mission }} search={{ at: verdict.seq }} dir="auto">
          {props.missions.find(({ id }) => id === verdict.mission)?.title ?? 'A mission'}
        </Link>
      </td>
    </tr>
  )
}

const connectionsOf = ({ id, last_seq }: Mission) => ({
  queryKey: ['missions', 'connections', id, last_seq],
  queryFn: () =>
    call(
      api.GET('/api/v1/missions/{id}/events', {
        params: { path: { id }, query: { kind: ['connections'], limit: EVENTS } },
        querySerializer: { array: { style: 'form', explode: false } },
      }),
    ) as Promise<{ items: Event[] }>,
})
