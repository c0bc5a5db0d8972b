import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { api, call } from '../api/client'
import type { Workspace } from '../api/schema'
import { useAction } from '../ui/action'
import { Field } from '../ui/Field'
import { Failed, Page } from '../ui/states'
import { BlueprintForm } from '../workspaces/BlueprintForm'
import { EMPTY, read } from '../workspaces/draft'
import { templates } from '../workspaces/workspace'
import '../workspaces/workspaces.css'

/** A workspace that is wanted. What a template says need not be said again. */
export function NewWorkspace() {
  const { template } = useSearch({ from: '/workspaces/new' })
  const navigate = useNavigate({ from: '/workspaces/new' })
  const all = useQuery(templates)
  const [name, setName] = useState('')
  const [draft, setDraft] = useState(EMPTY)
  const [tried, setTried] = useState(false)
  const { wanted, mistakes } = read(draft)
  const create = useAction({
    run: () =>
      call(
        api.POST('/api/v1/workspaces', {
          body: { ...wanted, name: name.trim() || null, template: template ?? null },
        }),
      ) as Promise<Workspace>,
    stale: [['workspaces']],
    quiet: true,
    after: made =>
      void navigate({
        to: '/workspaces/$id',
        params: { id: made.id },
        search: { tab: made.phase === 'building' ? 'build' : undefined },
      }),
  })
  return (
    <Page title="New workspace" ready={!all.isPending}>
      <form
        className="form"
        onSubmit={event => {
          event.preventDefault()
          setTried(true)
          if (Object.keys(mistakes).length === 0) create.mutate()
        }}
      >
        <div className="form-pair">
          <Field label="Name" hint="Empty: one is made up.">
            <input
              className="input"
              autoFocus
              value={name}
              maxLength={100}
              onChange={event => setName(event.target.value)}
            />
          </Field>
          <Field label="Template" hint="What is said below goes before it.">
            <select
              className="input"
              value={template ?? ''}
              onChange={event =>
                void navigate({ search: { template: event.target.value || undefined }, replace: true })
              }
            >
              <option value="">None</option>
              {all.data?.items.map(({ name, version }) => (
                <option key={name} value={name}>
                  {name} (version {version})
                </option>
              ))}
            </select>
          </Field>
        </div>
        <BlueprintForm draft={draft} mistakes={tried ? mistakes : {}} onChange={setDraft} />
        {create.error && <Failed error={create.error} />}
        <div className="row">
          <button type="submit" className="button primary" disabled={create.isPending}>
            {create.isPending ? 'Making it…' : 'Make the workspace'}
          </button>
        </div>
      </form>
    </Page>
  )
}
