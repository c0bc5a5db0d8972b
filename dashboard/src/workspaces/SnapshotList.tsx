import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { api, call } from '../api/client'
import type { Snapshot, Workspace } from '../api/schema'
import { useAction } from '../ui/action'
import { ConfirmButton } from '../ui/Confirm'
import { DataTable } from '../ui/DataTable'
import { Field } from '../ui/Field'
import { moment } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { Section } from '../ui/Section'
import { snapshots, workspaceSnapshots } from './workspace'

const STALE = [['snapshots'], ['workspaces']]

/** Snapshots of all workspaces, also of those that are gone. */
export function AllSnapshots() {
  const query = useQuery(snapshots)
  return (
    <Loaded
      query={query}
      empty={{
        when: ({ items }) => items.length === 0,
        title: 'No snapshots yet',
        text: (
          <p>
            A snapshot keeps the files of a workspace as they are. It outlives the workspace: a new one can
            begin with it. Take one on a workspace’s page.
          </p>
        ),
      }}
    >
      {({ items }) => <SnapshotTable items={items} named />}
    </Loaded>
  )
}

/** The snapshots of one workspace; taking one, and forking it as it is now. */
export function WorkspaceSnapshots(props: { workspace: Workspace }) {
  const { id } = props.workspace
  const navigate = useNavigate()
  const query = useQuery(workspaceSnapshots(id))
  const [label, setLabel] = useState('')
  const [name, setName] = useState('')
  const take = useAction({
    run: () =>
      call(
        api.POST('/api/v1/workspaces/{id}/snapshots', {
          params: { path: { id } },
          body: { label: label.trim() || null },
        }),
      ),
    done: 'The snapshot is taken.',
    stale: STALE,
    after: () => setLabel(''),
  })
  const fork = useAction({
    run: () =>
      call(
        api.POST('/api/v1/workspaces/{id}/fork', {
          params: { path: { id } },
          body: { name: name.trim() || null },
        }),
      ) as Promise<Workspace>,
    stale: STALE,
    after: made => void navigate({ to: '/workspaces/$id', params: { id: made.id } }),
  })
  return (
    <>
      <div className="form-pair">
        <form
          className="inline-form"
          onSubmit={event => {
            event.preventDefault()
            take.mutate()
          }}
        >
          <Field label="Keep it as it is now">
            <input
              className="input"
              value={label}
              maxLength={200}
              placeholder="What it is a snapshot of"
              onChange={event => setLabel(event.target.value)}
            />
          </Field>
          <button type="submit" className="button" disabled={take.isPending}>
            {take.isPending ? 'Taking it…' : 'Take a snapshot'}
          </button>
        </form>
        <form
          className="inline-form"
          onSubmit={event => {
            event.preventDefault()
            fork.mutate()
          }}
        >
          <Field label="Another workspace with the same files">
            <input
              className="input"
              value={name}
              placeholder="Its name, or one is made up"
              onChange={event => setName(event.target.value)}
            />
          </Field>
          <button type="submit" className="button" disabled={fork.isPending}>
            {fork.isPending ? 'Copying…' : 'Fork'}
          </button>
        </form>
      </div>
      <Section title="Snapshots">
        <Loaded
          query={query}
          rows={2}
          empty={{
            when: ({ items }) => items.length === 0,
            title: 'None yet',
            text: <p>Take one before something that may go wrong: the workspace can go back to it.</p>,
          }}
        >
          {({ items }) => <SnapshotTable items={items} restore={id} />}
        </Loaded>
      </Section>
      <Section
        title="Export"
        about="An archive of the workspace with what it was made with, for another server: sandboxed-sh workspaces import."
      >
        <div className="row wrap">
          <a className="button" href={`/api/v1/workspaces/${id}/export?format=tar.zst`} download>
            Download .tar.zst
          </a>
          <a className="button" href={`/api/v1/workspaces/${id}/export?format=tar`} download>
            Download .tar
          </a>
        </div>
      </Section>
    </>
  )
}

function SnapshotTable(props: { items: Snapshot[]; named?: boolean; restore?: string }) {
  const navigate = useNavigate()
  const fork = useAction({
    run: (id: string) =>
      call(
        api.POST('/api/v1/snapshots/{id}/fork', { params: { path: { id } }, body: {} }),
      ) as Promise<Workspace>,
    stale: STALE,
    after: made => void navigate({ to: '/workspaces/$id', params: { id: made.id } }),
  })
  const restore = useAction({
    run: (snapshot: string) =>
      call(
        api.POST('/api/v1/workspaces/{id}/restore', {
          params: { path: { id: props.restore ?? '' } },
          body: { snapshot },
        }),
      ),
    done: 'The workspace has the files of the snapshot.',
    stale: STALE,
  })
  const remove = useAction({
    run: (id: string) => call(api.DELETE('/api/v1/snapshots/{id}', { params: { path: { id } } })),
    done: 'The snapshot is gone.',
    stale: STALE,
  })
  return (
    <DataTable
      label="Snapshots"
      head={['Label', ...(props.named ? ['Workspace'] : []), 'Taken', { title: 'Actions', hidden: true }]}
    >
      {props.items.map(({ id, label, workspace, created_at }) => (
        <tr key={id}>
          <td data-label="Label" className="text">
            {label ?? <span className="dim">no label</span>}
          </td>
          {props.named && (
            <td data-label="Workspace">
              <Link to="/workspaces/$id" params={{ id: workspace.id }}>
                {workspace.name}
              </Link>
            </td>
          )}
          <td data-label="Taken" className="soft">
            {moment(created_at)}
          </td>
          <td className="actions">
            <button
              type="button"
              className="button small"
              disabled={fork.isPending}
              onClick={() => fork.mutate(id)}
            >
              New workspace from it
            </button>
            {props.restore && (
              <ConfirmButton
                label="Go back to it"
                title="Go back to this snapshot"
                confirm="Go back"
                className="button small"
                onConfirm={() => restore.mutate(id)}
              >
                <p>
                  Everything in the workspace’s files that came after it is lost. Take a snapshot before to
                  keep it.
                </p>
              </ConfirmButton>
            )}
            <ConfirmButton
              label="Delete"
              title="Delete the snapshot"
              confirm="Delete"
              onConfirm={() => remove.mutate(id)}
            >
              <p>Its files are gone then. Workspaces that were made from it stay.</p>
            </ConfirmButton>
          </td>
        </tr>
      ))}
    </DataTable>
  )
}
