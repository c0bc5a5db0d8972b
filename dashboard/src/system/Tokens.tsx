import { queryOptions, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, call } from '../api/client'
import type { CreatedToken, Scope, TokenInfo } from '../api/schema'
import { useMay } from '../me'
import { useAction } from '../ui/action'
import { ConfirmButton } from '../ui/Confirm'
import { DataTable } from '../ui/DataTable'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { age, moment } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { useNow } from '../ui/now'
import { Section } from '../ui/Section'
import { Snippet } from '../ui/Snippet'

const tokens = queryOptions({
  queryKey: ['tokens'],
  queryFn: () => call(api.GET('/api/v1/tokens')) as Promise<{ items: TokenInfo[] }>,
})

const DAY = 86_400_000
const LASTS = [
  { days: 7, title: '7 days' },
  { days: 30, title: '30 days' },
  { days: 365, title: 'A year' },
  { days: 0, title: 'Until it is revoked' },
]

const SCOPES: { scope: Scope; title: string }[] = [
  { scope: 'read', title: 'Look' },
  { scope: 'write', title: 'Look and change' },
  { scope: 'admin', title: 'Administer' },
]

/** Tokens for scripts: one's own. */
export function Tokens() {
  const query = useQuery(tokens)
  const now = useNow(30_000)
  const admin = useMay('admin')
  const write = useMay('write')
  const [name, setName] = useState('')
  const [scope, setScope] = useState<Scope>('read')
  const [days, setDays] = useState(30)
  const create = useAction({
    run: () =>
      call(
        api.POST('/api/v1/tokens', {
          body: {
            name: name.trim(),
            scope,
            expires_at: days > 0 ? new Date(Date.now() + days * DAY).toISOString() : null,
          },
        }),
      ) as Promise<CreatedToken>,
    stale: [tokens.queryKey],
    after: () => setName(''),
  })
  const revoke = useAction({
    run: (id: string) => call(api.DELETE('/api/v1/tokens/{id}', { params: { path: { id } } })),
    done: 'The token opens nothing any more.',
    stale: [tokens.queryKey],
  })
  return (
    <Section title="API tokens" about="For scripts and other machines: Authorization: Bearer sbx_…">
      <form
        className="inline-form"
        onSubmit={event => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <Field label="What it is for">
          <input
            className="input"
            required
            maxLength={100}
            value={name}
            placeholder="nightly build"
            onChange={event => setName(event.target.value)}
          />
        </Field>
        <Field label="It may">
          <select className="input" value={scope} onChange={event => setScope(event.target.value as Scope)}>
            {SCOPES.map(({ scope, title }) => (
              <option
                key={scope}
                value={scope}
                disabled={(scope === 'admin' && !admin) || (scope === 'write' && !write)}
              >
                {title}
              </option>
            ))}
          </select>
        </Field>
        <Field label="It lasts">
          <select className="input" value={days} onChange={event => setDays(Number(event.target.value))}>
            {LASTS.map(({ days, title }) => (
              <option key={days} value={days}>
                {title}
              </option>
            ))}
          </select>
        </Field>
        <button type="submit" className="button" disabled={create.isPending}>
          Make a token
        </button>
      </form>
      <Loaded
        query={query}
        rows={3}
        empty={{
          when: ({ items }) => items.length === 0,
          title: 'No tokens',
          text: <p>Scripts need one. This page does not: it uses the login of the browser.</p>,
        }}
      >
        {({ items }) => (
          <DataTable
            label="Tokens"
            head={['Token', 'May', 'Made', 'Ends', 'Last used', { title: 'Actions', hidden: true }]}
          >
            {items.map(token => (
              <tr key={token.id}>
                <td data-label="Token" className="text strong">
                  {token.name}
                </td>
                <td data-label="May">{SCOPES.find(({ scope }) => scope === token.scope)?.title}</td>
                <td data-label="Made" className="soft">
                  {moment(token.created_at)}
                </td>
                <td data-label="Ends" className="soft">
                  {token.expires_at ? moment(token.expires_at) : 'never'}
                </td>
                <td data-label="Last used" className="num soft">
                  {token.last_used_at ? `${age(now - Date.parse(token.last_used_at))} ago` : 'never'}
                </td>
                <td className="actions">
                  <ConfirmButton
                    label="Revoke"
                    title={`Revoke ${token.name}`}
                    confirm="Revoke"
                    onConfirm={() => revoke.mutate(token.id)}
                  >
                    <p>Whatever uses it is refused from then on.</p>
                  </ConfirmButton>
                </td>
              </tr>
            ))}
          </DataTable>
        )}
      </Loaded>
      {create.data && (
        <Dialog title={`The token ${create.data.token.name}`} onClose={() => create.reset()}>
          <div className="dialog-body">
            <p className="soft">It is shown this once. Keep it where the script finds it.</p>
            <Snippet text={create.data.secret} label="Token" />
            <div className="dialog-foot">
              <button type="button" className="button primary" onClick={() => create.reset()}>
                I have it
              </button>
            </div>
          </div>
        </Dialog>
      )}
    </Section>
  )
}
