import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { grantRows } from '../plugins/grants'
import { HEALTH, plugins } from '../plugins/queries'
import { callTimes, metrics } from '../system/metrics'
import { DataTable } from '../ui/DataTable'
import { count, counted, duration } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { useRowKeys } from '../ui/rowKeys'
import { StateMark } from '../ui/StateMark'
import { Page } from '../ui/states'
import '../plugins/plugins.css'

/** The plugins of the server, and how they stand. */
export function Plugins() {
  const query = useQuery(plugins)
  const times = useQuery({ ...metrics, select: callTimes })
  const rows = useRowKeys()
  const items = query.data?.items ?? []
  const ill = items.filter(({ health }) => health !== 'ready').length
  return (
    <Page
      title="Plugins"
      ready={!query.isPending}
      head={
        query.data && (
          <p className="soft">
            {counted(items.length, 'plugin')}
            {ill > 0 && `, ${counted(ill, 'is', 'are')} not ready`}
          </p>
        )
      }
    >
      <Loaded
        query={query}
        rows={10}
        empty={{
          when: ({ items }) => items.length === 0,
          title: 'No plugins',
          text: (
            <p>
              Plugins are WebAssembly components in the directory of plugins; the configuration names each
              with what it may do.
            </p>
          ),
        }}
      >
        {({ items }) => (
          <div ref={rows}>
            <DataTable
              label="Plugins"
              head={[
                'State',
                'Plugin',
                'Kind',
                'May',
                { title: 'Calls', end: true },
                { title: 'p99', end: true },
                { title: 'Failures', end: true },
                { title: 'Traps', end: true },
              ]}
            >
              {items.map(plugin => {
                const grants = grantRows(plugin)
                const missing = grants.filter(({ whole }) => !whole).length
                const p99 = times.data?.get(plugin.id)
                return (
                  <tr key={plugin.id}>
                    <td data-label="State">
                      <StateMark standing={HEALTH[plugin.health]} title={plugin.reason?.message} />
                    </td>
                    <td data-label="Plugin" className="text">
                      <Link to="/plugins/$id" params={{ id: plugin.id }} className="strong" data-row>
                        {plugin.id}
                      </Link>{' '}
                      <span className="dim num">{plugin.version}</span>
                      {plugin.trial && <span className="soft"> on trial</span>}
                      {plugin.reason ? (
                        <p className="problem-line">{plugin.reason.message}</p>
                      ) : (
                        plugin.description && <p className="soft">{plugin.description}</p>
                      )}
                    </td>
                    <td data-label="Kind" className="soft">
                      {plugin.kind}
                    </td>
                    <td data-label="May" className="soft">
                      {grants.length === 0 ? 'nothing besides' : counted(grants.length, 'grant')}
                      {missing > 0 && <span className="tag missing">{missing} missing</span>}
                    </td>
                    <td data-label="Calls" className="right num">
                      {count(plugin.counters.calls)}
                    </td>
                    <td data-label="p99" className="right num soft">
                      {p99 === undefined ? '–' : `≤ ${duration(p99 * 1000)}`}
                    </td>
                    <td data-label="Failures" className="right num">
                      {count(plugin.counters.failures)}
                    </td>
                    <td
                      data-label="Traps"
                      className={plugin.counters.traps > 0 ? 'right num bad' : 'right num'}
                    >
                      {count(plugin.counters.traps)}
                    </td>
                  </tr>
                )
              })}
            </DataTable>
          </div>
        )}
      </Loaded>
    </Page>
  )
}
