import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { DataTable } from '../ui/DataTable'
import { count, duration } from '../ui/format'
import { LineChart, type Point } from '../ui/LineChart'
import { Loaded } from '../ui/Loaded'
import { Section } from '../ui/Section'
import { callTimes, metrics, quantile, type Scrape, total } from './metrics'

const EVERY = 2000
/** Ten minutes. */
const KEPT = 300

const REQUESTS = 'sandboxed_http_requests_total'
const EVENTS = 'sandboxed_store_events_total'
const STREAMS = 'sandboxed_http_streams'

/** What the server measures about itself, as it goes on. */
export function Metrics() {
  const query = useQuery({ ...metrics, staleTime: 0, refetchInterval: EVERY })
  const [scrapes, setScrapes] = useState<Scrape[]>([])
  const { data } = query
  useEffect(() => {
    if (data) setScrapes(before => (before.at(-1)?.at === data.at ? before : [...before, data].slice(-KEPT)))
  }, [data])
  return (
    <>
      <Loaded query={query} rows={6}>
        {scrape => (
          <>
            <div className="charts">
              <LineChart
                title="Requests"
                unit="a second"
                points={rates(scrapes, REQUESTS)}
                about={`${count(total(scrape, REQUESTS))} since the start`}
              />
              <LineChart
                title="Events stored"
                unit="a second"
                points={rates(scrapes, EVENTS)}
                about={`${count(total(scrape, EVENTS))} since the start`}
              />
              <LineChart
                title="Open streams"
                unit=""
                points={scrapes.map(scrape => ({ at: scrape.at, value: total(scrape, STREAMS) }))}
                about="event streams of browsers and scripts"
              />
            </div>
            <Times scrape={scrape} />
          </>
        )}
      </Loaded>
      <p className="dim">
        The same is at <code>/metrics</code> in the text format of Prometheus, for a token with the scope
        read.
      </p>
    </>
  )
}

/** How much a counter grew a second, between each two. A counter that began anew gives nothing. */
function rates(scrapes: Scrape[], name: string): Point[] {
  return scrapes.slice(1).flatMap((scrape, index) => {
    const before = scrapes[index]
    if (!before) return []
    const grown = total(scrape, name) - total(before, name)
    return grown < 0 ? [] : [{ at: scrape.at, value: (grown * 1000) / (scrape.at - before.at) }]
  })
}

function Times(props: { scrape: Scrape }) {
  const { scrape } = props
  const calls = 'sandboxed_plugin_call_seconds'
  const rows = [
    { name: 'Requests', of: 'sandboxed_http_request_seconds', labels: {} },
    { name: 'Commits of the database', of: 'sandboxed_store_commit_seconds', labels: {} },
    ...[...callTimes(scrape).keys()].map(plugin => ({
      name: `Calls of ${plugin}`,
      of: calls,
      labels: { plugin },
    })),
  ]
  return (
    <Section
      title="How long things take"
      about="Since the start, as the bound that so many of them stay below."
    >
      <DataTable
        label="Times"
        head={[
          'What',
          { title: 'Times', end: true },
          { title: 'Half', end: true },
          { title: '99 %', end: true },
        ]}
      >
        {rows.map(({ name, of, labels }) => (
          <tr key={name}>
            <td data-label="What">{name}</td>
            <td data-label="Times" className="right num">
              {count(total(scrape, `${of}_count`, labels))}
            </td>
            <td data-label="Half" className="right num">
              {bound(quantile(scrape, of, 0.5, labels))}
            </td>
            <td data-label="99 %" className="right num">
              {bound(quantile(scrape, of, 0.99, labels))}
            </td>
          </tr>
        ))}
      </DataTable>
    </Section>
  )
}

function bound(seconds: number | undefined): string {
  if (seconds === undefined) return '–'
  if (seconds === Number.POSITIVE_INFINITY) return 'longer than is measured'
  return seconds < 0.001 ? '≤ 1 ms' : `≤ ${duration(seconds * 1000)}`
}
