import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { api, call } from '../api/client'
import type { Secret } from '../api/schema'
import { useMay } from '../me'
import { secrets, secretUses } from '../secrets/queries'
import { SecretDialog } from '../secrets/SecretDialog'
import { Vault } from '../secrets/Vault'
import { useCommands } from '../shell/commands'
import { useAction } from '../ui/action'
import { ConfirmButton } from '../ui/Confirm'
import { DataTable } from '../ui/DataTable'
import { age, count, moment } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { useNow } from '../ui/now'
import { useRowKeys } from '../ui/rowKeys'
import { Section } from '../ui/Section'
import { Page } from '../ui/states'

const KEPT: Record<Secret['kept'], string> = {
  vault: 'in the vault',
  file: 'in a file of the operator',
  variable: 'in a variable of the server',
}

/** Secrets: who may use them and who did. Values go in and never come out. */
export function Secrets() {
  const query = useQuery(secrets)
  const { name } = useSearch({ from: '/secrets' })
  const navigate = useNavigate({ from: '/secrets' })
  const [open, setOpen] = useState<{ secret?: Secret }>()
  const admin = useMay('admin')
  const now = useNow(30_000)
  const rows = useRowKeys()
  const remove = useAction({
    run: (name: string) => call(api.DELETE('/api/v1/secrets/{name}', { params: { path: { name } } })),
    done: (_, name) => `The secret ${name} is gone.`,
    stale: [['secrets']],
    after: () => void navigate({ search: {} }),
  })
  useCommands([{ id: 'new-secret', title: 'New secret', group: 'Here', run: () => setOpen({}) }])
  return (
    <Page
      title="Secrets"
      ready={!query.isPending}
      head={
        <div className="row section-head">
          <button
            type="button"
            className="button primary"
            disabled={!admin}
            title={admin ? undefined : 'Needs a login that may administer'}
            onClick={() => setOpen({})}
          >
            <Plus className="icon" aria-hidden />
            New secret
          </button>
        </div>
      }
    >
      <p className="soft about">
        A value goes in and never comes out: not here, not over the API, not in a log. Each secret says who
        may use it.
      </p>
      <Loaded
        query={query}
        empty={{
          when: ({ items }) => items.length === 0,
          title: 'No secrets yet',
          text: (
            <p>
              Keep what workspaces, providers, repositories and plugins need to show: a token for a
              repository, a key for a registry.
            </p>
          ),
        }}
      >
        {({ items }) => (
          <div ref={rows}>
            <DataTable
              label="Secrets"
              head={[
                'Name',
                'Who may use it',
                'Kept',
                'Changed',
                'Last used',
                { title: 'Actions', hidden: true },
              ]}
            >
              {items.map(secret => (
                <tr key={secret.name}>
                  <td data-label="Name" className="text">
                    <button
                      type="button"
                      className="link-button strong mono"
                      data-row
                      aria-expanded={secret.name === name}
                      onClick={() =>
                        void navigate({ search: { name: secret.name === name ? undefined : secret.name } })
                      }
                    >
                      {secret.name}
                    </button>
                    {secret.description && <p className="soft">{secret.description}</p>}
                    {secret.problem && <p className="problem-line">{secret.problem.message}</p>}
                  </td>
                  <td data-label="For" className="text mono">
                    {secret.audience.length > 0 ? (
                      secret.audience.join(', ')
                    ) : (
                      <span className="dim">nobody</span>
                    )}
                  </td>
                  <td data-label="Kept" className="soft">
                    {KEPT[secret.kept]}
                  </td>
                  <td data-label="Changed" className="num soft">
                    {secret.updated_at ? `${age(now - Date.parse(secret.updated_at))} ago` : '–'}
                    {secret.version != null && <span className="dim"> v{secret.version}</span>}
                  </td>
                  <td data-label="Last used" className="num soft">
                    {secret.last_used_at ? `${age(now - Date.parse(secret.last_used_at))} ago` : 'never'}
                  </td>
                  <td className="actions">
                    {secret.kept === 'vault' && (
                      <>
                        <button
                          type="button"
                          className="button small"
                          disabled={!admin}
                          onClick={() => setOpen({ secret })}
                        >
                          Change
                        </button>
                        <ConfirmButton
                          label="Delete"
                          title={`Delete ${secret.name}`}
                          confirm="Delete"
                          disabled={!admin}
                          onConfirm={() => remove.mutate(secret.name)}
                        >
                          <p>Its value is gone then. It is refused while something names it.</p>
                        </ConfirmButton>
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </DataTable>
          </div>
        )}
      </Loaded>
      {name && <Uses name={name} />}
      <Vault />
      {open && <SecretDialog secret={open.secret} onClose={() => setOpen(undefined)} />}
    </Page>
  )
}

function Uses(props: { name: string }) {
  const query = useQuery(secretUses(props.name))
  return (
    <Section title={`Who used ${props.name}`}>
      <Loaded
        query={query}
        rows={2}
        empty={{
          when: ({ items }) => items.length === 0,
          title: 'Nobody yet',
          text: <p>Uses are counted by the hour.</p>,
        }}
      >
        {({ items }) => (
          <DataTable label="Uses" head={['Who', 'For what', 'From', 'To', { title: 'Times', end: true }]}>
            {items.map((use, index) => (
              <tr key={index}>
                <td data-label="Who" className="text mono">
                  {use.user}
                </td>
                <td data-label="For what" className="text">
                  {use.purpose}
                </td>
                <td data-label="From" className="soft">
                  {moment(use.first_at)}
                </td>
                <td data-label="To" className="soft">
                  {moment(use.last_at)}
                </td>
                <td data-label="Times" className="right num">
                  {count(use.count)}
                </td>
              </tr>
            ))}
          </DataTable>
        )}
      </Loaded>
    </Section>
  )
}
