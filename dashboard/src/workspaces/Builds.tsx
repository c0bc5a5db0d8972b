import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api, call } from '../api/client'
import type { Build, BuildStep, Workspace } from '../api/schema'
import { useAction } from '../ui/action'
import { duration, moment } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { LogView } from '../ui/LogView'
import { useNow } from '../ui/now'
import { Section } from '../ui/Section'
import { StateMark } from '../ui/StateMark'
import { BUILDS, ending } from './standing'
import { isUnderWay, workspaceBuilds } from './workspace'

/** The builds of a workspace: the one that is under way with its log, and those before. */
export function Builds(props: { workspace: Workspace }) {
  const { id } = props.workspace
  const query = useQuery(workspaceBuilds(id))
  const stale = [['workspaces']]
  const again = useAction({
    run: (from_start: boolean) =>
      call(api.POST('/api/v1/workspaces/{id}/build', { params: { path: { id } }, body: { from_start } })),
    stale,
  })
  const busy = again.isPending || Boolean(query.data?.items.some(isUnderWay))
  return (
    <Section
      title="Builds"
      about="A build makes the system, where the backend has one, and runs the init steps."
      head={
        <>
          <button type="button" className="button small" disabled={busy} onClick={() => again.mutate(false)}>
            Run what is left
          </button>
          <button type="button" className="button small" disabled={busy} onClick={() => again.mutate(true)}>
            Run all steps again
          </button>
        </>
      }
    >
      <Loaded
        query={query}
        rows={3}
        empty={{
          when: ({ items }) => items.length === 0,
          title: 'Nothing was built',
          text: <p>This workspace has no init steps, and its backend makes no system.</p>,
        }}
      >
        {({ items }) => (
          <ol className="builds">
            {items.map((build, index) => (
              <li key={build.id}>
                <BuildView build={build} open={index === 0} />
              </li>
            ))}
          </ol>
        )}
      </Loaded>
    </Section>
  )
}

function BuildView(props: { build: Build; open: boolean }) {
  const { build } = props
  const now = useNow(1000)
  const cancel = useAction({
    run: () => call(api.POST('/api/v1/builds/{id}/cancel', { params: { path: { id: build.id } } })),
    stale: [['workspaces']],
  })
  const ended = build.ended_at ? Date.parse(build.ended_at) : now
  return (
    <details className="build" open={props.open}>
      <summary>
        <span className="build-head">
          <StateMark standing={BUILDS[build.state]} />
          <span className="soft">{moment(build.created_at)}</span>
          <span className="dim num">{duration(ended - Date.parse(build.created_at))}</span>
          {build.in_place && <span className="tag">in place</span>}
        </span>
      </summary>
      {build.problem && (
        <div className="problem">
          <p>{build.problem.message}</p>
          {build.problem.hint && <p className="hint">{build.problem.hint}</p>}
        </div>
      )}
      {isUnderWay(build) && (
        <div>
          <button
            type="button"
            className="button danger small"
            disabled={cancel.isPending}
            onClick={() => cancel.mutate()}
          >
            Cancel the build
          </button>
        </div>
      )}
      <ol className="steps">
        {build.steps.map((step, index) => (
          <li key={`${index} ${step.key}`}>
            <Step build={build.id} number={index + 1} step={step} now={now} />
          </li>
        ))}
      </ol>
    </details>
  )
}

const FAILED = ['failed', 'timed_out']

function Step(props: { build: string; number: number; step: BuildStep; now: number }) {
  const { step, number } = props
  const printed = step.run != null || (step.output_bytes ?? 0) > 0
  const [open, setOpen] = useState(step.state === 'running' || FAILED.includes(step.state))
  useEffect(() => {
    if (step.state === 'running' || FAILED.includes(step.state)) setOpen(true)
  }, [step.state])
  const ended = step.ended_at ? Date.parse(step.ended_at) : props.now
  return (
    <div className="step">
      <div className="row wrap">
        <StateMark standing={BUILDS[step.state]} />
        <span className="grow">
          <span className="dim num">{number}</span> {step.title}
        </span>
        {step.waits_for && <span className="dim">waits for another build that makes the same</span>}
        {step.exit && FAILED.includes(step.state) && <span className="dim">{ending(step.exit)}</span>}
        {step.started_at && <span className="dim num">{duration(ended - Date.parse(step.started_at))}</span>}
        {printed && (
          <button
            type="button"
            className="button bare small"
            aria-expanded={open}
            onClick={() => setOpen(!open)}
          >
            {open ? 'Hide the log' : 'Show the log'}
          </button>
        )}
      </div>
      {open && printed && (
        <LogView
          label={`Log of step ${number}`}
          urls={['stdout', 'stderr'].map(
            stream => `/api/v1/builds/${props.build}/steps/${number}/log?stream=${stream}`,
          )}
        />
      )}
    </div>
  )
}
