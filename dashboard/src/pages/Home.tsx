import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { memo, useEffect, useMemo, useRef, useState } from 'react'
import type { Mission } from '../api/schema'
import { type Action, act, remove } from '../missions/actions'
import { missionList } from '../missions/queries'
import { State } from '../missions/State'
import { can, GROUPS, type GroupId, groupOf } from '../missions/states'
import { shown, spoken, useKeys } from '../shell/keys'
import { tell, tellFailure } from '../shell/toasts'
import { age, cost, counted, moment } from '../ui/format'
import { useNow } from '../ui/now'
import { Empty, Failed, Loading, Page } from '../ui/states'
import { workspaces } from '../workspaces/queries'
import './home.css'

const WAIT = 200

export function Home() {
  const search = useSearch({ from: '/' })
  const navigate = useNavigate({ from: '/' })
  const {
    data,
    error,
    isPending,
    isPlaceholderData,
    hasNextPage,
    fetchNextPage,
    isFetchingNextPage,
    refetch,
  } = useInfiniteQuery({
    ...missionList({ q: search.q, workspace: search.workspace }),
    placeholderData: before => before,
  })
  const { data: places } = useQuery(workspaces)
  const names = useMemo(() => new Map(places?.items.map(({ id, name }) => [id, name])), [places])
  const [text, setText] = useState(search.q ?? '')
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const field = useRef<HTMLInputElement>(null)

  useEffect(() => setText(search.q ?? ''), [search.q])
  useEffect(() => {
    if (text.trim() === (search.q ?? '')) return
    const timer = setTimeout(() => {
      void navigate({ search: before => ({ ...before, q: text.trim() || undefined }), replace: true })
    }, WAIT)
    return () => clearTimeout(timer)
  }, [text, search.q, navigate])

  const all = useMemo(() => data?.pages.flatMap(page => page.items) ?? [], [data])
  const missions = all.filter(mission => !search.harness || mission.harness === search.harness)
  const groups = GROUPS.map(group => ({
    ...group,
    missions: missions.filter(mission => groupOf(mission) === group.id),
  }))
  const visible = groups.filter(
    group => group.missions.length > 0 && (!search.group || search.group === group.id),
  )
  const agents = [...new Set(all.map(({ harness }) => harness))].sort()
  const counts = groups.filter(({ id, missions }) => missions.length > 0 && id !== 'finished')
  const filtered = Boolean(search.q || search.group || search.workspace || search.harness)
  const chosen = missions.filter(({ id }) => selected.has(id))

  const move = (step: 1 | -1) => {
    const rows = [...document.querySelectorAll<HTMLAnchorElement>('a.mission-link')]
    const at = rows.indexOf(document.activeElement as HTMLAnchorElement)
    rows[Math.max(0, Math.min(rows.length - 1, at + step))]?.focus()
  }
  const toggle = (id: string) =>
    setSelected(before => {
      const after = new Set(before)
      if (!after.delete(id)) after.add(id)
      return after
    })
  useKeys({
    filter: () => field.current?.focus(),
    down: () => move(1),
    up: () => move(-1),
    select: () => {
      const row = document.activeElement?.closest<HTMLElement>('[data-mission]')
      if (row?.dataset.mission) toggle(row.dataset.mission)
    },
  })
  const set = (to: Partial<typeof search>) =>
    void navigate({ search: before => ({ ...before, ...to }), replace: true })

  return (
    <Page
      title="Missions"
      ready={!isPending}
      head={
        <>
          <p className="soft grow">
            {counts.map(({ title, missions }) => `${missions.length} ${title.toLowerCase()}`).join(', ')}
          </p>
          <Link to="/new" className="button primary" aria-keyshortcuts={spoken('create')}>
            New mission <kbd>{shown('create')}</kbd>
          </Link>
        </>
      }
    >
      <search className="filters row wrap">
        <input
          ref={field}
          className="input"
          type="search"
          aria-label="Search missions"
          placeholder={`Search titles and transcripts  ${shown('filter')}`}
          value={text}
          maxLength={200}
          onChange={event => setText(event.target.value)}
        />
        <select
          className="input"
          aria-label="State"
          value={search.group ?? ''}
          onChange={event => set({ group: event.target.value || undefined })}
        >
          <option value="">All states</option>
          {GROUPS.map(group => (
            <option key={group.id} value={group.id}>
              {group.title}
            </option>
          ))}
        </select>
        <select
          className="input"
          aria-label="Workspace"
          value={search.workspace ?? ''}
          onChange={event => set({ workspace: event.target.value || undefined })}
        >
          <option value="">All workspaces</option>
          {(places?.items ?? []).map(({ id, name }) => (
            <option key={id} value={name}>
              {name}
            </option>
          ))}
        </select>
        {agents.length > 1 && (
          <select
            className="input"
            aria-label="Agent"
            value={search.harness ?? ''}
            onChange={event => set({ harness: event.target.value || undefined })}
          >
            <option value="">All agents</option>
            {agents.map(agent => (
              <option key={agent}>{agent}</option>
            ))}
          </select>
        )}
        {filtered && (
          <button
            type="button"
            className="button bare"
            onClick={() => {
              setText('')
              set({ q: undefined, group: undefined, workspace: undefined, harness: undefined })
            }}
          >
            Clear
          </button>
        )}
      </search>
      {chosen.length > 0 && <Bulk missions={chosen} onDone={() => setSelected(new Set())} />}
      {error && <Failed error={error} retry={() => void refetch()} />}
      {isPending && !error && <Loading />}
      {data && missions.length === 0 && !filtered && (
        <Empty title="No missions yet">
          <p>
            A mission is a task for an agent, in a workspace of its own. The first takes no key and no
            network.
          </p>
          <div className="row">
            <Link to="/new" className="button primary">
              New mission
            </Link>
            <Link to="/welcome" className="button">
              Show me around
            </Link>
          </div>
        </Empty>
      )}
      {data && filtered && visible.length === 0 && !isPlaceholderData && (
        <Empty title="No mission is like this">
          <p>Other words, or fewer filters, may find it.</p>
        </Empty>
      )}
      {visible.map(group => (
        <Group
          key={group.id}
          id={group.id}
          title={group.title}
          missions={group.missions}
          names={names}
          selected={selected}
          onToggle={toggle}
          onAll={ids => setSelected(new Set(ids))}
        />
      ))}
      {hasNextPage && (
        <button
          type="button"
          className="button"
          disabled={isFetchingNextPage}
          onClick={() => void fetchNextPage()}
        >
          {isFetchingNextPage ? 'Loading…' : 'Show older missions'}
        </button>
      )}
    </Page>
  )
}

function Group(props: {
  id: GroupId
  title: string
  missions: Mission[]
  names: Map<string, string>
  selected: ReadonlySet<string>
  onToggle: (id: string) => void
  onAll: (ids: string[]) => void
}) {
  const now = useNow(5000)
  const ids = props.missions.map(({ id }) => id)
  const every = ids.every(id => props.selected.has(id))
  return (
    <section className={`group ${props.id}`} aria-label={props.title}>
      <div className="group-head">
        <input
          type="checkbox"
          aria-label={`Select all: ${props.title}`}
          checked={every}
          onChange={() => props.onAll(every ? [] : [...props.selected, ...ids])}
        />
        <h2>
          {props.title} <span className="dim num">{props.missions.length}</span>
        </h2>
      </div>
      <ul>
        {props.missions.map(mission => (
          <MissionRow
            key={mission.id}
            mission={mission}
            workspace={props.names.get(mission.workspace)}
            now={now}
            selected={props.selected.has(mission.id)}
            onToggle={props.onToggle}
          />
        ))}
      </ul>
    </section>
  )
}

/** What a mission is about to do, or did last, in a few words. */
function activity(mission: Mission, now: number): string {
  if (mission.state === 'awaiting_approval')
    return mission.open_asks === 1 ? 'waits for an answer' : `waits for ${mission.open_asks} answers`
  if (mission.state === 'parked' && mission.parked?.until) return `goes on ${moment(mission.parked.until)}`
  if (mission.problem) return mission.problem.message
  if (mission.state === 'running' && mission.last_output_at) {
    const silent = now - Date.parse(mission.last_output_at)
    if (silent > 60_000) return `nothing printed for ${age(silent)}`
  }
  return mission.turns === 0 ? 'no turn yet' : counted(mission.turns, 'turn')
}

const MissionRow = memo(function MissionRow(props: {
  mission: Mission
  workspace?: string
  now: number
  selected: boolean
  onToggle: (id: string) => void
}) {
  const { mission, now } = props
  return (
    <li className="mission-row" data-mission={mission.id}>
      <input
        type="checkbox"
        aria-label={`Select: ${mission.title}`}
        checked={props.selected}
        onChange={() => props.onToggle(mission.id)}
      />
      <State mission={mission} />
      <Link
        to="/missions/$id"
        params={{ id: mission.id }}
        className="mission-link cut"
        dir="auto"
        title={mission.title}
      >
        {mission.title}
      </Link>
      <span className="mission-activity dim cut">
        {activity(mission, now)}
        {mission.queued_messages > 0 &&
          ` · ${counted(mission.queued_messages, 'message waits', 'messages wait')}`}
      </span>
      <span className="mission-where soft cut">
        {mission.harness}
        {props.workspace && ` · ${props.workspace}`}
      </span>
      <span className="mission-cost num">{cost(mission.usage)}</span>
      <span className="mission-age dim num" title={moment(mission.updated_at)}>
        {age(now - Date.parse(mission.state === 'running' ? mission.created_at : mission.updated_at))}
      </span>
    </li>
  )
})

const BULK: { action: Action | 'remove'; title: string; done: string }[] = [
  { action: 'interrupt', title: 'Interrupt', done: 'interrupted' },
  { action: 'resume', title: 'Resume', done: 'resumed' },
  { action: 'finish', title: 'Finish', done: 'finished' },
  { action: 'cancel', title: 'Cancel', done: 'cancelled' },
  { action: 'remove', title: 'Remove', done: 'removed' },
]

/** What can be done with those that are selected, each as far as it can. */
function Bulk(props: { missions: Mission[]; onDone: () => void }) {
  const queries = useQueryClient()
  const [busy, setBusy] = useState(false)
  const run = async (action: Action | 'remove', done: string, missions: Mission[]) => {
    if (action === 'remove' && !confirm(`Remove ${counted(missions.length, 'mission')} with all events?`))
      return
    setBusy(true)
    const results = await Promise.allSettled(
      missions.map(({ id }) => (action === 'remove' ? remove(id) : act(id, action))),
    )
    setBusy(false)
    if (action === 'remove') void queries.invalidateQueries({ queryKey: ['missions'] })
    const failed = results.filter(result => result.status === 'rejected')
    if (failed[0]) tellFailure(failed[0].reason)
    if (failed.length < results.length) tell(`${counted(results.length - failed.length, 'mission')} ${done}.`)
    props.onDone()
  }
  return (
    <div className="bulk row wrap" role="toolbar" aria-label="With the selected missions">
      <b className="num">{props.missions.length} selected</b>
      {BULK.map(({ action, title, done }) => {
        const fit = props.missions.filter(can[action])
        if (fit.length === 0) return null
        return (
          <button
            key={action}
            type="button"
            className={action === 'remove' || action === 'cancel' ? 'button small danger' : 'button small'}
            disabled={busy}
            onClick={() => void run(action, done, fit)}
          >
            {title} {fit.length < props.missions.length && <span className="num">{fit.length}</span>}
          </button>
        )
      })}
      <button type="button" className="button bare small" onClick={props.onDone}>
        Select none
      </button>
    </div>
  )
}
