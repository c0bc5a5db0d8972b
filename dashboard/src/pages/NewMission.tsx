import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useRef, useState } from 'react'
import { api, call, requestKey } from '../api/client'
import type { HarnessInfo, Mission, MissionRequest } from '../api/schema'
import { attachmentsOf } from '../attach/files'
import { AttachButton } from '../compose/AttachButton'
import { skillCommands, workCommands } from '../compose/choices'
import { PromptBox } from '../compose/PromptBox'
import { skills } from '../compose/skills'
import { useDraft } from '../missions/draft'
import { harnesses, readiness } from '../missions/harnesses'
import { missionList, missionQuery } from '../missions/queries'
import { State } from '../missions/State'
import { tell } from '../shell/toasts'
import { useSignal } from '../signal'
import { age } from '../ui/format'
import { Failed, Loading, Page } from '../ui/states'
import { workspaces } from '../workspaces/queries'
import './new.css'

/** What was chosen last, for the next time. */
interface Choices {
  harness?: string
  workspace?: string
  model?: string
  effort?: string
  plan?: boolean
  ask?: boolean
  oneShot?: boolean
  worktree?: boolean
}

const CHOICES = 'new-mission'

function remembered(): Choices {
  try {
    return JSON.parse(localStorage.getItem(CHOICES) ?? '{}') as Choices
  } catch {
    return {}
  }
}

const EXAMPLES: Record<string, string[]> = {
  shell: [
    'uname -a; df -h .',
    'for i in 1 2 3; do echo "step $i"; sleep 1; done',
    'git init -q demo && cd demo && echo hello > a.txt && git status',
  ],
}
const PROMPTS = [
  'Find the flaky test and mend it',
  'Explain how this repository is laid out',
  'Update the dependencies, run the tests, and mend what breaks',
]

export function NewMission() {
  const search = useSearch({ from: '/new' })
  const navigate = useNavigate()
  const queries = useQueryClient()
  const agents = useQuery(harnesses)
  const places = useQuery(workspaces)
  const recent = queries.getQueryData(missionList({}).queryKey)?.pages[0]?.items.slice(0, 5) ?? []
  const [text, setText] = useDraft('new')
  const [prompt, setPrompt] = [text || search.prompt || '', setText]
  const files = attachmentsOf('new')
  const attached = useSignal(files)
  const picker = useRef<HTMLInputElement>(null)
  const library = useQuery({ ...skills, enabled: prompt.startsWith('/') })
  const [choices, setChoices] = useState<Choices>(() => ({
    ...remembered(),
    ...(search.harness ? { harness: search.harness } : {}),
    ...(search.workspace ? { workspace: search.workspace } : {}),
  }))
  const [key, setKey] = useState(requestKey)
  const set = (change: Choices) => setChoices(before => ({ ...before, ...change }))

  const list = agents.data?.items ?? []
  const harness: HarnessInfo | undefined = list.find(({ id }) => id === choices.harness) ?? list[0]
  const about = harness?.about
  const workspace = places.data?.items.find(({ name }) => name === choices.workspace)
  const model = about?.chooses_model && choices.model ? choices.model : undefined
  const effort = about?.efforts.includes(choices.effort ?? '') ? choices.effort : undefined
  const plan = Boolean(about?.planning && choices.plan)
  const ask = Boolean(about?.approvals && choices.ask)
  const ready = harness && readiness(harness)

  const create = useMutation({
    mutationFn: async (_: { stay: boolean }) => {
      const body: MissionRequest = {
        prompt,
        harness: harness?.id,
        workspace: workspace?.name,
        model,
        effort,
        mode: plan ? 'plan' : 'act',
        approvals: about?.approvals ? (ask ? 'ask' : 'bypass') : undefined,
        one_shot: Boolean(choices.oneShot),
        worktree: Boolean(workspace && choices.worktree),
        attachments: attached.flatMap(({ id }) => id ?? []),
      }
      const header = { 'Idempotency-Key': key }
      return (await call(api.POST('/api/v1/missions', { params: { header }, body }))) as Mission
    },
    onSuccess: (mission, { stay }) => {
      queries.setQueryData(missionQuery(mission.id).queryKey, mission)
      void queries.invalidateQueries({ queryKey: ['missions', 'list'] })
      try {
        localStorage.setItem(CHOICES, JSON.stringify(choices))
      } catch {
        // They are asked for again.
      }
      setPrompt('')
      files.take()
      setKey(requestKey())
      if (stay) tell(`Started: ${mission.title}`)
      else void navigate({ to: '/missions/$id', params: { id: mission.id } })
    },
  })
  const waits = attached.some(({ id }) => !id)
  const startable = prompt.trim() !== '' && !waits && !create.isPending
  const submit = (stay: boolean) => {
    if (startable) create.mutate({ stay })
  }
  const commands = [
    { name: 'attach', title: 'Choose files that come along', run: () => picker.current?.click() },
    ...list.map(({ id }) => ({
      name: `agent ${id}`,
      title: 'Let this agent do it',
      run: () => set({ harness: id, model: undefined }),
    })),
    ...(places.data?.items ?? []).map(({ name }) => ({
      name: `workspace ${name}`,
      title: 'Work there',
      run: () => set({ workspace: name }),
    })),
    ...workCommands(about ?? undefined, change =>
      set({
        ...('model' in change ? { model: change.model ?? undefined } : {}),
        ...('effort' in change ? { effort: change.effort ?? undefined } : {}),
        ...('mode' in change ? { plan: change.mode === 'plan' } : {}),
        ...('approvals' in change ? { ask: change.approvals === 'ask' } : {}),
      }),
    ),
    ...skillCommands(library.data?.items ?? [], workspace?.skills),
  ]

  return (
    <Page title="New mission" ready={!agents.isPending && !places.isPending} className="new-mission">
      {agents.isPending && <Loading rows={4} />}
      {agents.error && <Failed error={agents.error} retry={() => void agents.refetch()} />}
      {agents.data && (
        <form
          className="new-form"
          onSubmit={event => {
            event.preventDefault()
            submit(false)
          }}
        >
          <div className="field">
            <span aria-hidden>{harness?.id === 'shell' ? 'Script' : 'What is to be done?'}</span>
            <PromptBox
              label={harness?.id === 'shell' ? 'Script' : 'What is to be done?'}
              placeholder={harness?.id === 'shell' ? 'echo hello' : 'Say it as you would to a colleague'}
              className={harness?.id === 'shell' ? 'mono' : ''}
              text={prompt}
              onText={setPrompt}
              rows={6}
              autoFocus
              place={workspace ? { workspace: workspace.id, base: '' } : undefined}
              commands={commands}
              files={files}
              onKey={event => {
                if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
                event.preventDefault()
                submit(event.shiftKey)
              }}
            />
          </div>
          {prompt.trim() === '' && (
            <p className="row wrap examples">
              <span className="dim">For instance</span>
              {(EXAMPLES[harness?.id ?? ''] ?? PROMPTS).map(example => (
                <button
                  key={example}
                  type="button"
                  className="button small"
                  onClick={() => setPrompt(example)}
                >
                  {example}
                </button>
              ))}
            </p>
          )}
          <div className="choices">
            <label className="field">
              <span>Agent</span>
              <select
                className="input"
                value={harness?.id ?? ''}
                onChange={event => set({ harness: event.target.value, model: undefined })}
              >
                {list.map(({ id }) => (
                  <option key={id}>{id}</option>
                ))}
              </select>
            </label>
            <label className="field">
              <span>Workspace</span>
              <select
                className="input"
                value={workspace?.name ?? ''}
                onChange={event => set({ workspace: event.target.value || undefined })}
              >
                <option value="">A new one</option>
                {(places.data?.items ?? []).map(({ id, name, backend }) => (
                  <option key={id} value={name}>
                    {name} ({backend})
                  </option>
                ))}
              </select>
            </label>
            {about?.chooses_model && (
              <label className="field">
                <span>Model</span>
                <input
                  className="input"
                  list="models"
                  placeholder={about.models[0] ? `default (${about.models[0]})` : 'default'}
                  value={choices.model ?? ''}
                  maxLength={200}
                  onChange={event => set({ model: event.target.value || undefined })}
                />
                <datalist id="models">
                  {about.models.map(name => (
                    <option key={name} value={name} />
                  ))}
                </datalist>
              </label>
            )}
            {about && about.efforts.length > 0 && (
              <label className="field">
                <span>Effort</span>
                <select
                  className="input"
                  value={effort ?? ''}
                  onChange={event => set({ effort: event.target.value || undefined })}
                >
                  <option value="">default</option>
                  {about.efforts.map(name => (
                    <option key={name}>{name}</option>
                  ))}
                </select>
              </label>
            )}
          </div>
          <div className="row wrap switches">
            {about?.planning && <Switch label="Plan only" on={plan} onChange={plan => set({ plan })} />}
            {about?.approvals && <Switch label="Ask before harm" on={ask} onChange={ask => set({ ask })} />}
            <Switch
              label="End after one turn"
              on={Boolean(choices.oneShot)}
              onChange={oneShot => set({ oneShot })}
            />
            {workspace && (
              <Switch
                label="Own worktree and branch"
                on={Boolean(choices.worktree)}
                onChange={worktree => set({ worktree })}
              />
            )}
          </div>
          {harness && (
            <p className="soft will">
              {about?.summary}{' '}
              <span className={ready?.ok ? 'state ok' : 'state fail'}>
                <span aria-hidden>{ready?.ok ? '✓' : '✕'}</span>
                <span>{ready?.word}</span>
              </span>
              <br />
              {workspace ? `Works in ${workspace.name}` : 'Works in a new workspace of its own'}
              {workspace && choices.worktree ? ', in a worktree of its own' : ''}
              {plan ? ', says how it would do it and changes nothing' : ''}
              {about?.approvals
                ? ask
                  ? ', asks before it does what may do harm'
                  : ', asks for nothing'
                : ''}
              {choices.oneShot ? ', and ends with its first turn.' : '.'}
            </p>
          )}
          {create.error && <Failed error={create.error} />}
          <div className="row wrap">
            <button type="submit" className="button primary" disabled={!startable}>
              {create.isPending ? 'Starting…' : 'Start'} <kbd>Ctrl ⏎</kbd>
            </button>
            <button type="button" className="button" disabled={!startable} onClick={() => submit(true)}>
              Start and stay here
            </button>
            <span className="grow" />
            <AttachButton files={files} picker={picker} />
          </div>
        </form>
      )}
      {recent.length > 0 && (
        <section>
          <h2>Recent</h2>
          <ul className="recents">
            {recent.map(mission => (
              <li key={mission.id} className="row">
                <State mission={mission} />
                <Link to="/missions/$id" params={{ id: mission.id }} className="cut grow mission-link">
                  {mission.title}
                </Link>
                <span className="dim num">{age(Date.now() - Date.parse(mission.updated_at))}</span>
                <button
                  type="button"
                  className="button bare small"
                  onClick={() => {
                    set({
                      harness: mission.harness,
                      workspace: places.data?.items.find(({ id }) => id === mission.workspace)?.name,
                      model: mission.model ?? undefined,
                    })
                  }}
                >
                  Same place
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
    </Page>
  )
}

function Switch(props: { label: string; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <label className="row">
      <input type="checkbox" checked={props.on} onChange={event => props.onChange(event.target.checked)} />
      {props.label}
    </label>
  )
}
