import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { MoreHorizontal, PanelRight } from 'lucide-react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { ProblemError } from '../api/problem'
import type { Mission, OpenAsk } from '../api/schema'
import { AskCard } from '../asks/AskCard'
import { remove, useMissionActions } from '../missions/actions'
import { Composer } from '../missions/Composer'
import { useMissionCommands } from '../missions/commands'
import { download } from '../missions/export'
import { harnesses } from '../missions/harnesses'
import { Panel, type Tab } from '../missions/Panel'
import { Queue } from '../missions/Queue'
import { missionQuery, openAsks } from '../missions/queries'
import { State } from '../missions/State'
import { can, shownState } from '../missions/states'
import { shown, useKeys } from '../shell/keys'
import { announce, tell, tellFailure } from '../shell/toasts'
import { Find } from '../transcript/Find'
import type { Item } from '../transcript/items'
import { Row } from '../transcript/Rows'
import { useLog, useLogState } from '../transcript/useLog'
import { type LogHandle, VirtualLog } from '../transcript/VirtualLog'
import { copy } from '../ui/copy'
import { cost, count } from '../ui/format'
import { Menu, MenuItem } from '../ui/Menu'
import { Empty, Failed, Loading } from '../ui/states'
import './mission.css'

export function MissionPage() {
  const { id } = useParams({ from: '/missions/$id' })
  const { data, error, refetch } = useQuery(missionQuery(id))
  useEffect(() => {
    document.title = `${data?.title ?? 'Mission'} · sandboxed.sh`
  }, [data?.title])
  if (data) return <OneMission key={id} mission={data} />
  return (
    <main id="main" className="page" tabIndex={-1} data-ready={error ? true : undefined}>
      <h1>Mission</h1>
      {error instanceof ProblemError && error.status === 404 ? (
        <Empty title="There is no such mission">
          <p>
            It may have been removed. <Link to="/">All missions</Link>
          </p>
        </Empty>
      ) : error ? (
        <Failed error={error} retry={() => void refetch()} />
      ) : (
        <Loading />
      )}
    </main>
  )
}

function OneMission({ mission }: { mission: Mission }) {
  const { id } = mission
  const search = useSearch({ from: '/missions/$id' })
  const navigate = useNavigate({ from: '/missions/$id' })
  const queries = useQueryClient()
  const log = useLog(id, mission.last_seq, search.at)
  useLogState(log)
  const list = useRef<LogHandle>(null)
  const [pinned, setPinned] = useState(search.at === undefined)
  const [seen, setSeen] = useState(0)
  const [all, setAll] = useState(false)
  const [keys, setKeys] = useState<ReadonlySet<string>>(new Set())
  const [finding, setFinding] = useState(false)
  const [renaming, setRenaming] = useState(false)
  const { run, edit } = useMissionActions(id)
  const { data: asks } = useQuery(openAsks)
  const { data: agents } = useQuery(harnesses)
  const about = agents?.items.find(harness => harness.id === mission.harness)?.about ?? undefined
  const mine = (asks?.items ?? []).filter((open: OpenAsk) => open.mission === id)
  const tab = search.panel as Tab | undefined
  const wide = tab === 'changes' && search.wide

  const toggle = useCallback(
    (key: string) =>
      setKeys(before => {
        const after = new Set(before)
        if (!after.delete(key)) after.add(key)
        return after
      }),
    [],
  )
  const open = useMemo(() => ({ all, keys, toggle }), [all, keys, toggle])
  const row = useCallback((item: Item) => <Row log={log} item={item} open={open} />, [log, open])

  const toPlace = useCallback(
    async (seq: number) => {
      await log.toPlace(seq)
      // The entry is in the list with the next rendering.
      requestAnimationFrame(() => {
        const at = log.items.findLastIndex(item => item.seq <= seq)
        list.current?.toRow(Math.max(0, at))
      })
      void navigate({ search: before => ({ ...before, at: seq }), replace: true })
    },
    [log, navigate],
  )
  const toEnd = async () => {
    await log.toEnd()
    requestAnimationFrame(() => list.current?.toEnd())
    void navigate({ search: before => ({ ...before, at: undefined }), replace: true })
  }
  const opened = useRef(false)
  useEffect(() => {
    if (!log.ready || opened.current) return
    opened.current = true
    if (search.at !== undefined) void toPlace(search.at)
  })
  useEffect(() => {
    log.pinned = pinned
    if (pinned) setSeen(log.end)
  })

  // Whole events are told; a log that is read out would tell each word.
  const word = shownState(mission).word
  const before = useRef(word)
  useEffect(() => {
    if (before.current !== word) announce(`${mission.title}: ${word}`)
    before.current = word
  }, [word, mission.title])

  const jumpTurn = (step: 1 | -1) => {
    const at = list.current?.firstRow() ?? 0
    const isStart = (item: Item) => item.kind === 'message' && item.role === 'user'
    const found =
      step > 0
        ? log.items.findIndex((item, index) => index > at && isStart(item))
        : log.items.slice(0, at).findLastIndex(isStart)
    if (found >= 0) list.current?.toRow(found)
  }
  const setTab = (to: Tab | undefined) =>
    void navigate({ search: before => ({ ...before, panel: to }), replace: true })
  const press = (key: string) => () =>
    document.querySelector<HTMLButtonElement>(`.ask [data-key=${key}]`)?.click()
  useKeys({
    compose: () => document.querySelector<HTMLTextAreaElement>('.composer textarea')?.focus(),
    interrupt: () => can.interrupt(mission) && run.mutate('interrupt'),
    live: () => void toEnd(),
    find: () => setFinding(true),
    filter: () => setFinding(true),
    nextTurn: () => jumpTurn(1),
    previousTurn: () => jumpTurn(-1),
    expand: () => {
      setAll(!all)
      setKeys(new Set())
    },
    panel: () => setTab(tab ? undefined : 'changes'),
    allow: press('allow'),
    allowMission: press('allowMission'),
    deny: press('deny'),
  })
  useMissionCommands({ mission, run: run.mutate, find: () => setFinding(true), show: setTab })

  const fresh = log.end - seen
  return (
    <main
      id="main"
      className={`mission ${tab ? 'with-panel' : ''} ${wide ? 'wide' : ''}`}
      data-ready={log.ready || log.error ? true : undefined}
      tabIndex={-1}
    >
      <header className="mission-head">
        <State mission={mission} />
        {renaming ? (
          <form
            className="row grow"
            onSubmit={event => {
              event.preventDefault()
              const title = new FormData(event.currentTarget).get('title')
              if (typeof title === 'string' && title.trim()) edit.mutate({ title: title.trim() })
              setRenaming(false)
            }}
          >
            <input
              className="input"
              name="title"
              aria-label="Title"
              defaultValue={mission.title}
              maxLength={120}
              autoFocus
            />
            <button type="submit" className="button small">
              Save
            </button>
          </form>
        ) : (
          <h1 className="cut grow" dir="auto" title={mission.title}>
            {mission.title}
          </h1>
        )}
        <span className="mission-facts num dim">
          <span>{mission.harness}</span>
          <span>{cost(mission.usage)}</span>
          <span>{count(log.end)} events</span>
        </span>
        <span className="row mission-actions">
          {can.resume(mission) && (
            <button
              type="button"
              className="button"
              disabled={run.isPending}
              onClick={() => run.mutate('resume')}
            >
              Resume
            </button>
          )}
          {can.finish(mission) && (
            <button
              type="button"
              className="button"
              disabled={run.isPending}
              onClick={() => run.mutate('finish')}
            >
              Finish
            </button>
          )}
          {can.cancel(mission) && mission.state !== 'awaiting_user' && (
            <button
              type="button"
              className="button danger"
              disabled={run.isPending}
              onClick={() => run.mutate('cancel')}
            >
              Cancel
            </button>
          )}
          <button
            type="button"
            className="button bare"
            aria-pressed={tab !== undefined}
            title={`Panel (${shown('panel')})`}
            aria-label="Panel"
            onClick={() => setTab(tab ? undefined : 'changes')}
          >
            <PanelRight className="icon" aria-hidden />
          </button>
          <Menu
            className="button bare"
            label={
              <>
                <MoreHorizontal className="icon" aria-hidden />
                <span className="hidden">More</span>
              </>
            }
          >
            <MenuItem onChoose={() => setRenaming(true)}>Rename</MenuItem>
            <MenuItem onChoose={() => setFinding(true)}>Search in the transcript</MenuItem>
            <MenuItem
              onChoose={() => {
                setAll(!all)
                setKeys(new Set())
              }}
            >
              {all ? 'Close all tool calls' : 'Open all tool calls'}
            </MenuItem>
            <MenuItem onChoose={() => void download(mission, 'markdown').catch(tellFailure)}>
              Export as Markdown
            </MenuItem>
            <MenuItem onChoose={() => void download(mission, 'json').catch(tellFailure)}>
              Export as JSON
            </MenuItem>
            {mission.state === 'awaiting_user' && (
              <MenuItem onChoose={() => run.mutate('cancel')}>Cancel the mission</MenuItem>
            )}
            <MenuItem
              className="danger"
              disabled={!can.remove(mission)}
              onChoose={() => {
                if (!confirm('Remove this mission with its events? Its workspace stays.')) return
                void remove(id)
                  .then(() => navigate({ to: '/' }))
                  .then(() => queries.invalidateQueries({ queryKey: ['missions', 'list'] }))
                  .catch(tellFailure)
              }}
            >
              Remove
            </MenuItem>
          </Menu>
        </span>
      </header>
      <div className="mission-main">
        {finding && (
          <Find mission={id} onClose={() => setFinding(false)} onPlace={seq => void toPlace(seq)} />
        )}
        {log.error !== undefined && (
          <Failed error={log.error} retry={() => void log.open(mission.last_seq)} />
        )}
        {log.ready ? (
          // biome-ignore lint/a11y/noStaticElementInteractions: links within it are followed by the page itself
          <div
            className="log-frame"
            onClickCapture={event => {
              const link = (event.target as HTMLElement).closest<HTMLAnchorElement>('a[data-at]')
              if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
              event.preventDefault()
              const seq = Number(link.dataset.at)
              void navigate({ search: before => ({ ...before, at: seq }), replace: true })
              void copy(`${location.origin}/missions/${id}?at=${seq}`).then(
                copied => copied && tell('The link is copied.'),
              )
            }}
            onKeyDown={() => {}}
          >
            <VirtualLog
              ref={list}
              label="Transcript"
              items={log.items}
              version={log.version}
              row={row}
              onStart={log.older}
              onEnd={() => void log.newer()}
              onPinned={setPinned}
              head={
                log.first > 0 ? (
                  <p className="log-edge dim">Earlier events are loaded as you scroll up.</p>
                ) : undefined
              }
              foot={
                !log.atEnd ? (
                  <p className="log-edge dim">There is more below.</p>
                ) : mission.problem ? (
                  <div className="log-problem">
                    <Failed
                      error={
                        new ProblemError(
                          1,
                          mission.problem.code,
                          mission.problem.message,
                          mission.problem.hint ?? undefined,
                        )
                      }
                    />
                  </div>
                ) : undefined
              }
            />
            {(!pinned || !log.atEnd) && (
              <button type="button" className="button to-live" onClick={() => void toEnd()}>
                Jump to {mission.state === 'running' ? 'live' : 'the end'}
                {fresh > 0 && <span className="num"> · {count(fresh)} new</span>} <kbd>G</kbd>
              </button>
            )}
          </div>
        ) : (
          log.error === undefined && <Loading label="The transcript is loaded" />
        )}
        {mine.length > 0 && (
          <div className="asks">
            {mine.map(({ ask }) => (
              <AskCard key={ask.id} mission={id} ask={ask} />
            ))}
          </div>
        )}
        <Queue mission={mission} />
        <Composer mission={mission} about={about} onSent={() => void toEnd()} />
      </div>
      {tab && (
        <Panel
          mission={mission}
          about={about}
          log={log}
          tab={tab}
          onTab={setTab}
          onPlace={seq => void toPlace(seq)}
        />
      )}
    </main>
  )
}
