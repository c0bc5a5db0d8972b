import { useQuery } from '@tanstack/react-query'
import { ArrowDown, ArrowUp, Plus } from 'lucide-react'
import { useState } from 'react'
import { api, call } from '../api/client'
import type { Account, Trial } from '../api/schema'
import { useAction } from '../ui/action'
import { ConfirmButton } from '../ui/Confirm'
import { DataTable } from '../ui/DataTable'
import { clock, counted, duration } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { Section } from '../ui/Section'
import { StateMark } from '../ui/StateMark'
import { AccountDialog } from './AccountDialog'
import { accounts, health, moved, providers } from './queries'
import { SignInDialog } from './SignInDialog'

const STALE = [['accounts'], ['secrets']]

/** Accounts at providers of models, in the order in which they are used. */
export function AccountList() {
  const query = useQuery(accounts)
  const known = useQuery(providers)
  const [open, setOpen] = useState<{ account?: Account }>()
  const [signIn, setSignIn] = useState<Account | 'new'>()
  const canSignIn = known.data?.items.some(({ sign_in }) => sign_in)
  const add = (
    <>
      <button type="button" className="button small" onClick={() => setOpen({})}>
        <Plus className="icon" aria-hidden />
        Add an account
      </button>
      {canSignIn && (
        <button type="button" className="button small" onClick={() => setSignIn('new')}>
          Sign in at a provider
        </button>
      )}
    </>
  )
  return (
    <Section
      title="Accounts"
      about="A request for a model goes to the first account that has it and is ready. Keys are kept in the vault; agents never see them."
      head={add}
    >
      <Loaded
        query={query}
        rows={3}
        empty={{
          when: items => items.length === 0,
          title: 'No account yet',
          text: (
            <p>
              Agents that need a model find none. Paste a key of a provider, or sign in where the provider
              lets you. The agent shell needs neither.
            </p>
          ),
        }}
      >
        {items => (
          <Accounts
            items={items}
            titles={new Map(known.data?.items.map(({ id, title }) => [id, title]))}
            onEdit={account => setOpen({ account })}
            onSignIn={setSignIn}
          />
        )}
      </Loaded>
      {open && <AccountDialog account={open.account} onClose={() => setOpen(undefined)} />}
      {signIn && (
        <SignInDialog account={signIn === 'new' ? undefined : signIn} onClose={() => setSignIn(undefined)} />
      )}
    </Section>
  )
}

function Accounts(props: {
  items: Account[]
  titles: Map<string, string>
  onEdit: (account: Account) => void
  onSignIn: (account: Account) => void
}) {
  const { items } = props
  const names = items.map(({ name }) => name)
  const [trials, setTrials] = useState<Record<string, Trial>>({})
  const order = useAction({
    run: (accounts: string[]) => call(api.PUT('/api/v1/account-order', { body: { accounts } })),
    stale: STALE,
  })
  const change = useAction({
    run: ({ name, enabled }: { name: string; enabled: boolean }) =>
      call(api.PATCH('/api/v1/accounts/{name}', { params: { path: { name } }, body: { enabled } })),
    stale: STALE,
  })
  const test = useAction({
    run: (name: string) =>
      call(api.POST('/api/v1/accounts/{name}/test', { params: { path: { name } } })) as Promise<Trial>,
    stale: STALE,
    after: (trial, name) => setTrials(trials => ({ ...trials, [name]: trial })),
  })
  const remove = useAction({
    run: (name: string) => call(api.DELETE('/api/v1/accounts/{name}', { params: { path: { name } } })),
    done: (_, name) => `The account ${name} is gone.`,
    stale: STALE,
  })
  return (
    <DataTable
      label="Accounts"
      head={['Order', 'State', 'Account', 'Provider', 'Used for', { title: 'Actions', hidden: true }]}
    >
      {items.map((account, index) => {
        const { name } = account
        const trial = trials[name]
        return (
          <tr key={name}>
            <td data-label="Order">
              <span className="account-order">
                <span className="num">{index + 1}</span>
                <button
                  type="button"
                  className="button bare small"
                  disabled={index === 0 || order.isPending}
                  onClick={() => order.mutate(moved(names, name, -1))}
                >
                  <ArrowUp className="icon" aria-hidden />
                  <span className="hidden">Use {name} earlier</span>
                </button>
                <button
                  type="button"
                  className="button bare small"
                  disabled={index === items.length - 1 || order.isPending}
                  onClick={() => order.mutate(moved(names, name, 1))}
                >
                  <ArrowDown className="icon" aria-hidden />
                  <span className="hidden">Use {name} later</span>
                </button>
              </span>
            </td>
            <td data-label="State">
              <StateMark standing={health(account)} />
            </td>
            <td data-label="Account" className="text">
              <span className="strong">{name}</span>{' '}
              <span className="dim">
                {account.credential.kind === 'api_key'
                  ? 'by key'
                  : account.credential.kind === 'sign_in'
                    ? 'signed in'
                    : 'without a key'}
              </span>
              {account.health.state !== 'ready' && (
                <p className={account.health.state === 'refused' ? 'problem-line' : 'soft'}>
                  {account.health.why.message}
                  {account.health.state === 'cooling' &&
                    ` It is used again at ${clock(account.health.until)}.`}
                </p>
              )}
              {trial && (
                <p className={trial.problem ? 'problem-line' : 'soft'} role="status">
                  {trial.problem
                    ? trial.problem.message
                    : `It works: ${trial.models == null ? 'it answered' : counted(trial.models, 'model')} in ${duration(trial.took_ms)}.`}
                </p>
              )}
            </td>
            <td data-label="Provider">
              {props.titles.get(account.provider) ?? account.provider}
              {account.base_url && <p className="dim mono">{account.base_url}</p>}
            </td>
            <td data-label="Used for" className="text soft">
              {account.models && account.models.length > 0 ? account.models.join(', ') : 'all its models'}
            </td>
            <td className="actions">
              <button
                type="button"
                className="button small"
                disabled={test.isPending}
                onClick={() => test.mutate(name)}
              >
                {test.isPending && test.variables === name ? 'Testing…' : 'Test'}
              </button>
              {account.credential.kind === 'sign_in' ? (
                <button type="button" className="button small" onClick={() => props.onSignIn(account)}>
                  Sign in again
                </button>
              ) : (
                <button type="button" className="button small" onClick={() => props.onEdit(account)}>
                  Change
                </button>
              )}
              <button
                type="button"
                className="button small"
                disabled={change.isPending}
                onClick={() => change.mutate({ name, enabled: !account.enabled })}
              >
                {account.enabled ? 'Turn off' : 'Turn on'}
              </button>
              <ConfirmButton
                label="Delete"
                title={`Delete the account ${name}`}
                confirm="Delete"
                onConfirm={() => remove.mutate(name)}
              >
                <p>Missions do not use it any more. What it cost stays in the books.</p>
              </ConfirmButton>
            </td>
          </tr>
        )
      })}
    </DataTable>
  )
}
