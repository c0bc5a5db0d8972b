import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { api, call } from '../api/client'
import type { Event, HarnessAbout, Mission } from '../api/schema'
import type { MissionLog } from '../transcript/log'
import { PlanList } from '../transcript/PlanList'
import { useLogState } from '../transcript/useLog'
import { clock, count, duration, moment, money, tokens } from '../ui/format'
import { Failed, Loading } from '../ui/states'
import './panel.css'

const Review = lazy(() => import('../review/Review').then(module => ({ default: module.Review })))

const TABS = { changes: 'Changes', plan: 'Plan', usage: 'Usage', turns: 'Turns', raw: 'Raw log' } as const
export type Tab = keyof typeof TABS

export function Panel(props: {
  mission: Mission
  about?: HarnessAbout
  log: MissionLog
  tab: Tab
  onTab: (tab: Tab) => void
  onPlace: (seq: number) => void
}) {
  const { mission, log, tab } = props
  const names = Object.keys(TABS) as Tab[]
  return (
    <aside className="panel" aria-label="About this mission">
      <div
        className="tabs"
        role="tablist"
        onKeyDown={event => {
          const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
          const next = names[(names.indexOf(tab) + step + names.length) % names.length]
          if (step === 0 || !next) return
          props.onTab(next)
          document.getElementById(`tab-${next}`)?.focus()
        }}
      >
        {names.map(name => (
          <button
            key={name}
            id={`tab-${name}`}
            type="button"
            role="tab"
            tabIndex={name === tab ? 0 : -1}
            aria-selected={name === tab}
            aria-controls="panel-body"
            onClick={() => props.onTab(name)}
          >
            {TABS[name]}
          </button>
        ))}
      </div>
      <div
        id="panel-body"
        className={tab === 'changes' ? 'panel-body full' : 'panel-body'}
        role="tabpanel"
        aria-labelledby={`tab-${tab}`}
        tabIndex={0}
      >
        {tab === 'changes' && (
          <Suspense fallback={<Loading rows={6} />}>
            <Review mission={mission} about={props.about} />
          </Suspense>
        )}
        {tab === 'plan' && <PlanTab log={log} />}
        {tab === 'usage' && <UsageTab mission={mission} />}
        {tab === 'turns' && <TurnsTab mission={mission} onPlace={props.onPlace} />}
        {tab === 'raw' && <RawTab mission={mission} />}
      </div>
    </aside>
  )
}

function PlanTab({ log }: { log: MissionLog }) {
  useLogState(log)
  const plan = log.items.findLast(item => item.kind === 'plan')
  if (plan?.kind !== 'plan') return <p className="dim">The agent has told no plan.</p>
  return <PlanList entries={plan.entries} />
}

function UsageTab({ mission }: { mission: Mission }) {
  const { usage } = mission
  const input = usage.input + usage.cache_read + usage.cache_write
  const facts: [string, string][] = [
    ['Cost', input + usage.output === 0 ? '–' : money(usage.cost_micro_usd)],
    [
      'Counted by',
      usage.source === 'gateway' ? 'the server, from the answers of the providers' : 'the agent',
    ],
    ['Input', `${tokens(input)} tokens`],
    [
      'of which cached',
      input === 0 ? '–' : `${tokens(usage.cache_read)} (${Math.round((usage.cache_read / input) * 100)} %)`,
    ],
    ['Output', `${tokens(usage.output)} tokens`],
    ['of which reasoning', tokens(usage.reasoning)],
    ['Turns', count(mission.turns)],
    ['Events', count(mission.last_seq)],
    ['Model', mission.model ?? usage.model ?? 'the agent’s default'],
    ['Made', moment(mission.created_at)],
    ['Last change', moment(mission.updated_at)],
  ]
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt className="dim">{name}</dt>
          <dd className="num">{value}</dd>
        </div>
      ))}
    </dl>
  )
}

const eventsOf = async (
  id: string,
  after: number,
  kind: ('turn_started' | 'turn_ended' | 'message')[] | undefined,
  limit: number,
) =>
  (
    (await call(
      api.GET('/api/v1/missions/{id}/events', {
        params: { path: { id }, query: { after, limit, kind } },
        querySerializer: { array: { style: 'form', explode: false } },
      }),
    )) as { items: Event[] }
  ).items

/** The turns of the mission, each with its place in the log: a time line that can be followed by keyboard. */
function TurnsTab({ mission, onPlace }: { mission: Mission; onPlace: (seq: number) => void }) {
  const { data, error } = useQuery({
    queryKey: ['turns', mission.id, mission.turns, mission.state],
    queryFn: () => eventsOf(mission.id, 0, ['turn_started', 'turn_ended'], 1000),
    placeholderData: before => before,
  })
  if (error) return <Failed error={error} />
  if (!data) return <Loading rows={4} />
  const turns = data.filter(event => event.kind === 'turn_started')
  if (turns.length === 0) return <p className="dim">No turn has begun.</p>
  return (
    <ol className="turns">
      {turns.map(turn => {
        const end = data.find(event => event.kind === 'turn_ended' && event.turn === turn.turn)
        const outcome = end?.kind === 'turn_ended' ? end.body.outcome : undefined
        return (
          <li key={turn.seq}>
            <button type="button" className="fold" onClick={() => onPlace(turn.seq)}>
              <span
                className={`state ${outcome === 'completed' ? 'ok' : outcome === 'failed' ? 'fail' : outcome ? '' : 'running'}`}
              >
                <span aria-hidden>{outcome === 'completed' ? '✓' : outcome ? '✕' : '●'}</span>
                <span>Turn {turn.turn}</span>
              </span>
              <span className="grow soft">{outcome ?? 'under way'}</span>
              <span className="dim num">
                {end ? duration(Date.parse(end.at) - Date.parse(turn.at)) : ''} {clock(turn.at)}
              </span>
            </button>
          </li>
        )
      })}
    </ol>
  )
}

/** The events themselves, as the server keeps them. */
function RawTab({ mission }: { mission: Mission }) {
  const { data, error, hasNextPage, fetchNextPage, isFetching } = useInfiniteQuery({
    queryKey: ['raw', mission.id],
    queryFn: ({ pageParam }) => eventsOf(mission.id, pageParam, undefined, 200),
    initialPageParam: 0,
    getNextPageParam: page => (page.length < 200 ? undefined : page.at(-1)?.seq),
  })
  if (error) return <Failed error={error} />
  if (!data) return <Loading rows={6} />
  return (
    <>
      <pre className="raw" tabIndex={0}>
        {data.pages
          .flat()
          .map(({ mission: _, ...event }) => JSON.stringify(event))
          .join('\n')
          .slice(0, 1_000_000)}
      </pre>
      {hasNextPage && (
        <button
          type="button"
          className="button small"
          disabled={isFetching}
          onClick={() => void fetchNextPage()}
        >
          Load more
        </button>
      )}
    </>
  )
}
