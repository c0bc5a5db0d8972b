import { useMutation } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { api, call } from '../api/client'
import type { Application, DriftField, Workspace } from '../api/schema'
import { useAction } from '../ui/action'
import { Dialog } from '../ui/Dialog'
import { Section } from '../ui/Section'
import { StateMark } from '../ui/StateMark'
import { Failed } from '../ui/states'
import { BUILDS } from './standing'

/** Its template, how it differs from that, and bringing it to the newest version after seeing what that does. */
export function DriftSection(props: { workspace: Workspace }) {
  const { id, template, drift } = props.workspace
  const navigate = useNavigate({ from: '/workspaces/$id' })
  const outline = useMutation({
    mutationFn: () =>
      call(
        api.POST('/api/v1/workspaces/{id}/template', { params: { path: { id } }, body: { dry_run: true } }),
      ) as Promise<Application>,
  })
  const apply = useAction({
    run: (version: number) =>
      call(
        api.POST('/api/v1/workspaces/{id}/template', { params: { path: { id } }, body: { version } }),
      ) as Promise<Application>,
    done: ({ to }) => `It is brought to version ${to}.`,
    stale: [['workspaces']],
    after: ({ build }) => {
      outline.reset()
      if (build) void navigate({ search: { tab: 'build' } })
    },
  })
  if (!template) return null
  const newest = drift?.newest
  const differs = drift && drift.fields.length > 0
  return (
    <Section
      title="Template"
      head={
        differs &&
        newest && (
          <button
            type="button"
            className="button small"
            disabled={outline.isPending}
            onClick={() => outline.mutate()}
          >
            {outline.isPending ? 'Looking…' : `Bring it to version ${newest}`}
          </button>
        )
      }
    >
      <p>
        <Link to="/templates/$name" params={{ name: template.name }}>
          {template.name}
        </Link>{' '}
        <span className="soft">
          version {template.version}
          {newest == null && drift
            ? '; there is no such template any more'
            : differs
              ? `; the newest is ${newest}, and it differs`
              : ', as it is'}
        </span>
      </p>
      {differs && <Differences fields={drift.fields} />}
      {outline.error && <Failed error={outline.error} />}
      {outline.data && (
        <Dialog title={`Bring it to version ${outline.data.to}`} onClose={() => outline.reset()}>
          <div className="dialog-body">
            {outline.data.changes.length > 0 ? (
              <Differences fields={outline.data.changes} />
            ) : (
              <p className="soft">Only the version changes.</p>
            )}
            {outline.data.steps.length > 0 && (
              <ul className="plain-list">
                {outline.data.steps.map(step => (
                  <li key={step.key}>
                    <StateMark
                      standing={
                        step.state === 'cached' ? BUILDS.cached : { glyph: '○', word: 'Is run', tone: '' }
                      }
                    />
                    <span className="cut">{step.title}</span>
                  </li>
                ))}
              </ul>
            )}
            <div className="dialog-foot">
              <button type="button" className="button" onClick={() => outline.reset()}>
                Not now
              </button>
              <button
                type="button"
                className="button primary"
                disabled={apply.isPending}
                onClick={() => outline.data && apply.mutate(outline.data.to)}
              >
                Do it
              </button>
            </div>
          </div>
        </Dialog>
      )}
    </Section>
  )
}

/** Fields side by side: as the workspace has them, and as the template wants them. */
export function Differences(props: { fields: DriftField[] }) {
  return (
    <dl className="drift">
      {props.fields.map(({ field, workspace, template }) => (
        <div key={field}>
          <dt>{field}</dt>
          <dd>
            <pre className="was">{shown(workspace)}</pre>
            <pre className="will">{shown(template)}</pre>
          </dd>
        </div>
      ))}
    </dl>
  )
}

const shown = (value: unknown) =>
  value === null || value === undefined ? 'nothing' : JSON.stringify(value, null, 1)
