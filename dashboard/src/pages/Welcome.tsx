import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { api, call } from '../api/client'
import type { DoctorReport, Mission } from '../api/schema'
import { harnesses, readiness } from '../missions/harnesses'
import { missionQuery } from '../missions/queries'
import { Failed, Loading, Page } from '../ui/states'
import './welcome.css'

/** What the first mission does: it looks, makes a change, fails a check and mends it. No key, no network. */
const DEMO = `set -e
echo "Where am I?"
uname -sr; pwd
echo; echo "A small project:"
git init -q . && git config user.name demo && git config user.email demo@localhost
printf 'def add(a, b):\\n    return a - b\\n' > calc.py
git add . && git commit -qm 'A calculator'
echo; echo "Its check:"
grep -q 'a + b' calc.py && echo ok || echo "calc.py does not add"
echo; echo "Mended:"
sed -i 's/a - b/a + b/' calc.py
git diff --stat
grep -q 'a + b' calc.py && echo ok
`

export function Welcome() {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const agents = useQuery(harnesses)
  const doctor = useQuery({
    queryKey: ['doctor'],
    queryFn: () => call(api.GET('/api/v1/doctor')) as Promise<DoctorReport>,
  })
  const demo = useMutation({
    mutationFn: () =>
      call(
        api.POST('/api/v1/missions', {
          body: { prompt: DEMO, title: 'First mission: mend a small bug', harness: 'shell', one_shot: true },
        }),
      ) as Promise<Mission>,
    onSuccess: mission => {
      queries.setQueryData(missionQuery(mission.id).queryKey, mission)
      void navigate({ to: '/missions/$id', params: { id: mission.id }, search: { panel: 'changes' } })
    },
  })
  const hasShell = agents.data?.items.some(({ id }) => id === 'shell')
  const troubles = doctor.data?.checks.filter(({ status }) => status !== 'ok') ?? []
  return (
    <Page title="Welcome" ready={!agents.isPending && !doctor.isPending} className="welcome">
      <p className="lead">
        A mission is a task for an agent. It runs in a workspace, apart from this machine, and goes on when
        this page, or the server, does not.
      </p>
      <ol className="steps">
        <li>
          <h2>See one</h2>
          <p className="soft">
            The harness <code>shell</code> takes a script as its task, so it needs no key and no network. This
            one makes a repository, finds a bug in it and mends it.
          </p>
          {demo.error && <Failed error={demo.error} />}
          <button
            type="button"
            className="button primary"
            disabled={demo.isPending || !hasShell}
            onClick={() => demo.mutate()}
          >
            {demo.isPending ? 'Starting…' : 'Run the first mission'}
          </button>
          {agents.data && !hasShell && <p className="dim">This server has no harness named “shell”.</p>}
        </li>
        <li>
          <h2>What can run here</h2>
          {doctor.error && <Failed error={doctor.error} retry={() => void doctor.refetch()} />}
          {doctor.isPending && <Loading rows={2} />}
          {doctor.data && troubles.length === 0 && (
            <p className="state ok">
              <span aria-hidden>✓</span>
              <span>All {doctor.data.checks.length} checks of this machine are well.</span>
            </p>
          )}
          {troubles.length > 0 && (
            <ul className="checks">
              {troubles.map(check => (
                <li key={check.name}>
                  <span className={check.status === 'error' ? 'state fail' : 'state'}>
                    <span aria-hidden>{check.status === 'error' ? '✕' : '○'}</span>
                    <span>{check.name}</span>
                  </span>{' '}
                  <span className="soft">{check.detail}</span>
                  {check.failure?.hint && <p className="dim">{check.failure.hint}</p>}
                </li>
              ))}
            </ul>
          )}
          <ul className="agents">
            {(agents.data?.items ?? []).map(harness => (
              <li key={harness.id}>
                <b>{harness.id}</b> <span className="dim">{readiness(harness).word}</span>
                <p className="soft">{harness.about?.summary}</p>
              </li>
            ))}
          </ul>
        </li>
        <li>
          <h2>Add a provider of models</h2>
          <p className="soft">
            Agents ask models through this server: the key stays in its vault, and no agent sees it. In a
            terminal:
          </p>
          <pre className="command">sandboxed-sh provider add anthropic</pre>
        </li>
        <li>
          <h2>Give your own task</h2>
          <Link to="/new" className="button">
            New mission
          </Link>
        </li>
      </ol>
    </Page>
  )
}
