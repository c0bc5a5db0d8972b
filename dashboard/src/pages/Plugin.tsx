import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { Check, RefreshCw, Undo2 } from 'lucide-react'
import { api, call } from '../api/client'
import type { PluginInfo } from '../api/schema'
import { useMay } from '../me'
import { GrantTable } from '../plugins/GrantTable'
import { missingToml, together } from '../plugins/grants'
import { HEALTH, plugin, tools } from '../plugins/queries'
import { callTimes, metrics } from '../system/metrics'
import { useAction } from '../ui/action'
import { DataTable } from '../ui/DataTable'
import { Facts } from '../ui/Facts'
import { count, duration, moment } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { Section } from '../ui/Section'
import { Snippet } from '../ui/Snippet'
import { StateMark } from '../ui/StateMark'
import { Failed, Loading, Page } from '../ui/states'
import '../plugins/plugins.css'

/** One plugin: what it is, what it may do, and how it does. */
export function PluginPage() {
  const { id } = useParams({ from: '/plugins/$id' })
  const query = useQuery(plugin(id))
  const admin = useMay('admin')
  const reload = useAction({
    run: () => call(api.POST('/api/v1/plugins/{id}/reload', { params: { path: { id } } })),
    done: `${id} is loaded anew.`,
    stale: [['plugins'], ['harnesses']],
  })
  const keep = useAction({
    run: () => call(api.POST('/api/v1/plugins/{id}/keep', { params: { path: { id } } })),
    done: `The version of ${id} is kept.`,
    stale: [['plugins'], ['harnesses']],
  })
  const rollBack = useAction({
    run: () => call(api.POST('/api/v1/plugins/{id}/roll-back', { params: { path: { id } } })),
    done: `${id} is rolled back.`,
    stale: [['plugins'], ['harnesses']],
  })
  const info = query.data
  const busy = reload.isPending || keep.isPending || rollBack.isPending
  const may = { disabled: !admin || busy, title: admin ? undefined : 'Needs a login that may administer' }
  return (
    <Page
      title={id}
      ready={!query.isPending}
      head={
        info && (
          <>
            <StateMark standing={HEALTH[info.health]} />
            <span className="dim">
              {info.kind} {info.version}
            </span>
            <div className="row section-head">
              {info.trial && (
                <button type="button" className="button" {...may} onClick={() => keep.mutate()}>
                  <Check className="icon" aria-hidden />
                  Keep this version
                </button>
              )}
              {info.before && (
                <button type="button" className="button" {...may} onClick={() => rollBack.mutate()}>
                  <Undo2 className="icon" aria-hidden />
                  Roll back
                </button>
              )}
              <button type="button" className="button" {...may} onClick={() => reload.mutate()}>
                <RefreshCw className="icon" aria-hidden />
                {reload.isPending ? 'Loading it…' : 'Load anew'}
              </button>
            </div>
          </>
        )
      }
    >
      {query.error && !info && <Failed error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && !query.error && <Loading />}
      {info && <Info plugin={info} />}
    </Page>
  )
}

function Info(props: { plugin: PluginInfo }) {
  const { plugin } = props
  const times = useQuery({ ...metrics, select: callTimes })
  const p99 = times.data?.get(plugin.id)
  const toml = missingToml(plugin)
  const danger = together(plugin)
  return (
    <>
      {plugin.description && <p className="soft">{plugin.description}</p>}
      {plugin.reason && (
        <div className="problem">
          <p>{plugin.reason.message}</p>
          {plugin.reason.hint && <p className="hint">{plugin.reason.hint}</p>}
          <p className="dim mono">{plugin.reason.code}</p>
        </div>
      )}
      {plugin.trial && (
        <Section
          title="On trial"
          about={`With more than ${plugin.trial.traps_allowed} traps the version before takes its place by itself.`}
        >
          <Facts
            of={[
              ['Since', moment(plugin.trial.since)],
              ['Until', moment(plugin.trial.until)],
              ['Traps', count(plugin.trial.traps)],
            ]}
          />
        </Section>
      )}
      <Section title="What it does">
        <Facts
          of={[
            ['Calls', count(plugin.counters.calls)],
            ['p99', p99 === undefined ? 'unknown' : `≤ ${duration(p99 * 1000)} a call`],
            ['Failures', count(plugin.counters.failures)],
            ['Traps', count(plugin.counters.traps)],
            ['Reloads', count(plugin.counters.reloads)],
            ['Loaded', plugin.loaded_at ? moment(plugin.loaded_at) : 'not loaded'],
          ]}
        />
      </Section>
      <Section title="What it may do" about={danger}>
        <GrantTable plugin={plugin} />
        {toml && (
          <>
            <p className="soft">
              This grants what is missing. Grants are read when the server starts: put it into the plugin’s
              table of the configuration, and start the server anew.
            </p>
            <Snippet text={toml} label="Configuration that grants what is missing" />
          </>
        )}
      </Section>
      {plugin.kind === 'tools' && <Tools plugin={plugin.id} />}
      <Section title="Where it comes from">
        <Facts
          of={[
            ['Component', <code key="component">{plugin.component}</code>],
            ['SHA-256', plugin.digest ? <code key="digest">{plugin.digest}</code> : undefined],
            [
              'Before',
              plugin.before && (
                <>
                  {plugin.before.version} <code>{plugin.before.digest}</code>
                </>
              ),
            ],
          ]}
        />
        <details>
          <summary>Its imports ({plugin.imports.length})</summary>
          <DataTable label="Imports" head={['Interface', 'What it is', 'Granted']}>
            {plugin.imports.map(({ interface: name, meaning, grant, granted }) => (
              <tr key={name}>
                <td data-label="Interface" className="text mono">
                  {name}
                </td>
                <td data-label="What" className="soft">
                  {meaning}
                </td>
                <td data-label="Granted">{granted ? (grant ? 'yes' : 'needs none') : 'no'}</td>
              </tr>
            ))}
          </DataTable>
        </details>
      </Section>
    </>
  )
}

function Tools(props: { plugin: string }) {
  const query = useQuery(tools(props.plugin))
  return (
    <Section title="Its tools">
      <Loaded query={query} rows={3}>
        {({ items }) => (
          <DataTable label="Tools" head={['Tool', 'What it does', 'Kind']}>
            {items.map(({ name, description, destructive, read_only }) => (
              <tr key={name}>
                <td data-label="Tool" className="mono">
                  {name}
                </td>
                <td data-label="What" className="text">
                  {description}
                </td>
                <td data-label="Kind" className="soft">
                  {read_only ? 'only looks' : destructive ? 'may destroy' : 'changes'}
                </td>
              </tr>
            ))}
          </DataTable>
        )}
      </Loaded>
    </Section>
  )
}
