import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { api, call } from '../api/client'
import type { Template as Made } from '../api/schema'
import { useAction } from '../ui/action'
import { ConfirmButton } from '../ui/Confirm'
import { Field } from '../ui/Field'
import { moment } from '../ui/format'
import { Failed, Loading, Page } from '../ui/states'
import { BlueprintForm } from '../workspaces/BlueprintForm'
import { EMPTY, keep, read, write } from '../workspaces/draft'
import { template, templateVersions } from '../workspaces/workspace'
import '../workspaces/workspaces.css'

/** A template, to be looked at and changed; each change is a version of its own. */
export function TemplatePage() {
  const { name } = useParams({ from: '/templates/$name' })
  const { version } = useSearch({ from: '/templates/$name' })
  const navigate = useNavigate({ from: '/templates/$name' })
  const query = useQuery(template(name, version))
  const versions = useQuery(templateVersions(name))
  const remove = useAction({
    run: () => call(api.DELETE('/api/v1/templates/{name}', { params: { path: { name } } })),
    done: `The template ${name} is deleted.`,
    stale: [['templates'], ['workspaces']],
    after: () => void navigate({ to: '/workspaces', search: { tab: 'templates' } }),
  })
  const shown = query.data
  const newest = versions.data?.items[0]?.version
  const old = shown && newest !== undefined && shown.version < newest
  return (
    <Page
      title={`Template ${name}`}
      ready={!query.isPending}
      head={
        shown && (
          <div className="row wrap section-head">
            <select
              className="input versions"
              aria-label="Version"
              value={shown.version}
              onChange={event => {
                const chosen = Number(event.target.value)
                void navigate({ search: { version: chosen === newest ? undefined : chosen } })
              }}
            >
              {(versions.data?.items ?? [shown]).map(({ version, created_at }) => (
                <option key={version} value={version}>
                  Version {version}, {moment(created_at)}
                </option>
              ))}
            </select>
            <Link to="/workspaces/new" search={{ template: name }} className="button">
              New workspace from it
            </Link>
            {!shown.declared && (
              <ConfirmButton
                label="Delete"
                title={`Delete the template ${name}`}
                confirm="Delete"
                className="button danger"
                onConfirm={() => remove.mutate()}
              >
                <p>All its versions are gone then. Workspaces that were made from it stay as they are.</p>
              </ConfirmButton>
            )}
          </div>
        )
      }
    >
      {query.error && <Failed error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && !query.error && <Loading />}
      {shown?.declared && <p className="soft">It comes from the configuration file, and is changed there.</p>}
      {old && <p className="soft">This is an older version. Saving it makes it the newest again.</p>}
      {shown && <TemplateForm key={shown.version} template={shown} />}
    </Page>
  )
}

/** A template that is wanted. */
export function NewTemplate() {
  return (
    <Page title="New template" ready>
      <TemplateForm />
    </Page>
  )
}

function TemplateForm(props: { template?: Made }) {
  const { template: before } = props
  const navigate = useNavigate()
  const [name, setName] = useState(before?.name ?? '')
  const [description, setDescription] = useState(before?.description ?? '')
  const [draft, setDraft] = useState(() => (before ? write(before.workspace) : EMPTY))
  const [tried, setTried] = useState(false)
  const { wanted, mistakes } = read(draft)
  const save = useAction({
    run: () =>
      (before
        ? call(
            api.PUT('/api/v1/templates/{name}', {
              params: { path: { name: before.name } },
              body: { description, workspace: keep(before.workspace, wanted) },
            }),
          )
        : call(
            api.POST('/api/v1/templates', { body: { name: name.trim(), description, workspace: wanted } }),
          )) as Promise<Made>,
    done: ({ name, version }) => `The template ${name} has version ${version}.`,
    stale: [['templates'], ['workspaces']],
    quiet: true,
    after: made =>
      void navigate({ to: '/templates/$name', params: { name: made.name }, search: { version: undefined } }),
  })
  return (
    <form
      className="form"
      onSubmit={event => {
        event.preventDefault()
        setTried(true)
        if (Object.keys(mistakes).length === 0) save.mutate()
      }}
    >
      <fieldset className="bare-set" disabled={before?.declared}>
        {!before && (
          <Field label="Name">
            <input
              className="input"
              required
              autoFocus
              value={name}
              onChange={event => setName(event.target.value)}
            />
          </Field>
        )}
        <Field label="What it is for">
          <input
            className="input"
            value={description}
            maxLength={500}
            onChange={event => setDescription(event.target.value)}
          />
        </Field>
        <BlueprintForm draft={draft} mistakes={tried ? mistakes : {}} onChange={setDraft} />
      </fieldset>
      {save.error && <Failed error={save.error} />}
      {!before?.declared && (
        <div className="row">
          <button type="submit" className="button primary" disabled={save.isPending}>
            {before ? 'Save as a new version' : 'Make the template'}
          </button>
        </div>
      )}
    </form>
  )
}
