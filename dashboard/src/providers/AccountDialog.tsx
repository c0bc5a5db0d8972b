import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, call } from '../api/client'
import type { Account, Trial } from '../api/schema'
import { tell } from '../shell/toasts'
import { useAction } from '../ui/action'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { Failed } from '../ui/states'
import { hasBase, providers } from './queries'

/** An account that is wanted, or another key for one. The key is tried at once. */
export function AccountDialog(props: { account?: Account; onClose: () => void }) {
  const { account } = props
  const known = useQuery(providers)
  const [provider, setProvider] = useState(account?.provider ?? 'anthropic')
  const [name, setName] = useState(account?.name ?? '')
  const [key, setKey] = useState('')
  const [base, setBase] = useState(account?.base_url ?? '')
  const [models, setModels] = useState((account?.models ?? []).join(', '))
  const chosen = known.data?.items.find(({ id }) => id === provider)
  const patterns = models.split(/[\s,]+/).filter(Boolean)
  const save = useAction({
    run: async () => {
      const made = (await call(
        account
          ? api.PATCH('/api/v1/accounts/{name}', {
              params: { path: { name: account.name } },
              body: { key: key || null, base_url: base.trim() || null, models: patterns },
            })
          : api.POST('/api/v1/accounts', {
              body: {
                name: name.trim() || provider,
                provider,
                enabled: true,
                key: key || null,
                base_url: base.trim() || null,
                models: patterns,
              },
            }),
      )) as Account
      return (await call(
        api.POST('/api/v1/accounts/{name}/test', { params: { path: { name: made.name } } }),
      )) as Trial
    },
    stale: [['accounts'], ['secrets']],
    quiet: true,
    after: trial => {
      tell(trial.problem ? `It is kept, but does not work: ${trial.problem.message}` : 'The account works.')
      props.onClose()
    },
  })
  return (
    <Dialog title={account ? `Change ${account.name}` : 'Add an account'} onClose={props.onClose}>
      <form
        className="dialog-body"
        autoComplete="off"
        onSubmit={event => {
          event.preventDefault()
          save.mutate()
        }}
      >
        {!account && (
          <>
            <Field label="Provider">
              <select
                className="input"
                autoFocus
                value={provider}
                onChange={event => setProvider(event.target.value)}
              >
                {known.data?.items.map(({ id, title }) => (
                  <option key={id} value={id}>
                    {title}
                  </option>
                ))}
              </select>
            </Field>
            <Field label="Name" hint="How it is called here.">
              <input
                className="input"
                value={name}
                placeholder={provider}
                pattern="[A-Za-z0-9][A-Za-z0-9._\-]*"
                maxLength={100}
                onChange={event => setName(event.target.value)}
              />
            </Field>
          </>
        )}
        {chosen?.key !== 'none' && (
          <Field
            label={account ? 'Another key' : 'Key'}
            hint={
              chosen?.keys_page ? (
                <>
                  Made at{' '}
                  <a href={chosen.keys_page} target="_blank" rel="noreferrer noopener">
                    {new URL(chosen.keys_page).host}
                  </a>
                  . It goes into the vault, and is never shown again.
                </>
              ) : (
                'It goes into the vault, and is never shown again.'
              )
            }
          >
            <input
              className="input mono"
              type="password"
              autoComplete="new-password"
              spellCheck={false}
              value={key}
              placeholder={account ? 'stays as it is' : undefined}
              onChange={event => setKey(event.target.value)}
            />
          </Field>
        )}
        {chosen && hasBase(chosen) && (
          <Field label="Where it is" hint="The base of its addresses.">
            <input
              className="input mono"
              type="url"
              required
              placeholder="https://models.example.org"
              value={base}
              onChange={event => setBase(event.target.value)}
            />
          </Field>
        )}
        <Field label="Only for these models" hint="With * for any text, with commas between. Empty: for all.">
          <input
            className="input mono"
            value={models}
            placeholder="claude-*"
            onChange={event => setModels(event.target.value)}
          />
        </Field>
        {save.error && <Failed error={save.error} />}
        <div className="dialog-foot">
          <button type="submit" className="button primary" disabled={save.isPending}>
            {save.isPending ? 'Trying it…' : 'Save and test'}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
