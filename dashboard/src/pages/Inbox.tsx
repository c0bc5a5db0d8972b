import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { AskCard } from '../asks/AskCard'
import { useMissionActions } from '../missions/actions'
import { openAsks, openMissions } from '../missions/queries'
import { useKeys } from '../shell/keys'
import { counted } from '../ui/format'
import { Empty, Failed, Loading, Page } from '../ui/states'
import './inbox.css'

/** What waits for a person, over all missions, the oldest first. */
export function Inbox() {
  const asks = useQuery(openAsks)
  const missions = useQuery(openMissions)
  const titles = new Map(missions.data?.items.map(mission => [mission.id, mission.title]))
  const lost = (missions.data?.items ?? []).filter(({ state }) => state === 'interrupted')
  const running = (missions.data?.items ?? []).filter(({ state }) => state === 'running').length
  const items = asks.data?.items ?? []
  const press = (key: string) => () =>
    document.querySelector<HTMLButtonElement>(`.ask [data-key=${key}]`)?.click()
  useKeys({ allow: press('allow'), allowMission: press('allowMission'), deny: press('deny') })
  const nothing = asks.data && missions.data && items.length === 0 && lost.length === 0
  return (
    <Page
      title="Inbox"
      ready={!asks.isPending && !missions.isPending}
      head={
        items.length + lost.length > 0 && (
          <p className="soft">{counted(items.length + lost.length, 'thing waits', 'things wait')}</p>
        )
      }
    >
      {asks.error && <Failed error={asks.error} retry={() => void asks.refetch()} />}
      {(asks.isPending || missions.isPending) && !asks.error && <Loading rows={3} />}
      {nothing && (
        <Empty title="Nothing needs you">
          <p>
            {running > 0 ? `${counted(running, 'mission is', 'missions are')} running. ` : ''}
            What agents ask, and missions whose run was lost, are here until somebody decides.
          </p>
        </Empty>
      )}
      <ul className="inbox">
        {items.map(({ mission, ask }) => (
          <li key={ask.id}>
            <Link to="/missions/$id" params={{ id: mission }} className="inbox-mission" dir="auto">
              {titles.get(mission) ?? 'A mission'}
            </Link>
            <AskCard mission={mission} ask={ask} />
          </li>
        ))}
        {lost.map(mission => (
          <li key={mission.id}>
            <Link to="/missions/$id" params={{ id: mission.id }} className="inbox-mission" dir="auto">
              {mission.title}
            </Link>
            <Lost id={mission.id} why={mission.problem?.message} />
          </li>
        ))}
      </ul>
    </Page>
  )
}

function Lost(props: { id: string; why?: string }) {
  const { run } = useMissionActions(props.id)
  return (
    <section className="ask" aria-label="The run was lost">
      <div className="row wrap">
        <span className="state need">
          <span aria-hidden>▲</span>
          <span>Interrupted</span>
        </span>
        <span className="soft">{props.why ?? 'The run was lost.'}</span>
      </div>
      <div className="row wrap ask-actions">
        <button
          type="button"
          className="button primary"
          disabled={run.isPending}
          onClick={() => run.mutate('resume')}
        >
          Resume
        </button>
        <button
          type="button"
          className="button danger"
          disabled={run.isPending}
          onClick={() => run.mutate('cancel')}
        >
          Cancel
        </button>
      </div>
    </section>
  )
}
