import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api, call } from '../api/client'
import type { Account, SignInBegun, SignInStatus } from '../api/schema'
import { useAction } from '../ui/action'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { clock } from '../ui/format'
import { Snippet } from '../ui/Snippet'
import { Failed } from '../ui/states'
import { providers } from './queries'

const STALE = [['accounts'], ['secrets']]

/** A person signs in at a provider instead of giving a key. */
export function SignInDialog(props: { account?: Account; onClose: () => void }) {
  const known = useQuery(providers)
  const able = (known.data?.items ?? []).filter(({ sign_in }) => sign_in)
  const [provider, setProvider] = useState(props.account?.provider ?? '')
  const [name, setName] = useState(props.account?.name ?? '')
  const chosen = provider || able[0]?.id || ''
  const account = name.trim() || chosen
  const begin = useAction({
    run: () =>
      call(
        api.POST('/api/v1/accounts/{name}/sign-in', {
          params: { path: { name: account } },
          body: { provider: props.account ? null : chosen, browser: true },
        }),
      ) as Promise<SignInBegun>,
    quiet: true,
  })
  return (
    <Dialog title="Sign in at a provider" onClose={props.onClose}>
      <div className="dialog-body">
        {begin.data ? (
          <Waiting begun={begin.data} onDone={props.onClose} onAgain={() => begin.mutate()} />
        ) : (
          <form
            className="form"
            onSubmit={event => {
              event.preventDefault()
              begin.mutate()
            }}
          >
            {!props.account && (
              <>
                <Field label="Provider">
                  <select
                    className="input"
                    value={chosen}
                    onChange={event => setProvider(event.target.value)}
                  >
                    {able.map(({ id, title }) => (
                      <option key={id} value={id}>
                        {title}
                      </option>
                    ))}
                  </select>
                </Field>
                <Field label="Name of the account here">
                  <input
                    className="input"
                    value={name}
                    placeholder={chosen}
                    onChange={event => setName(event.target.value)}
                  />
                </Field>
              </>
            )}
            {begin.error && <Failed error={begin.error} />}
            <div className="dialog-foot">
              <button type="submit" className="button primary" disabled={begin.isPending || !chosen}>
                Begin
              </button>
            </div>
          </form>
        )}
      </div>
    </Dialog>
  )
}

function Waiting(props: { begun: SignInBegun; onDone: () => void; onAgain: () => void }) {
  const { account, kind, url, code, expires_at } = props.begun
  const [pasted, setPasted] = useState('')
  const status = useQuery({
    queryKey: ['sign-in', account, url],
    queryFn: () =>
      call(
        api.GET('/api/v1/accounts/{name}/sign-in', { params: { path: { name: account } } }),
      ) as Promise<SignInStatus>,
    refetchInterval: ({ state }) => (state.data?.state === 'waiting' || !state.data ? 1500 : false),
    enabled: kind !== 'copy_paste',
  })
  const finish = useAction({
    run: () =>
      call(
        api.POST('/api/v1/accounts/{name}/sign-in/finish', {
          params: { path: { name: account } },
          body: { code: pasted.trim() },
        }),
      ),
    done: 'The account is signed in.',
    stale: STALE,
    quiet: true,
    after: props.onDone,
  })
  const settled = useAction({
    run: async () => {},
    done: 'The account is signed in.',
    stale: STALE,
    after: props.onDone,
  })
  const done = status.data?.state === 'done'
  const { mutate } = settled
  useEffect(() => {
    if (done) mutate()
  }, [done, mutate])
  const problem = status.data?.state === 'failed' ? status.data.problem : undefined
  return (
    <>
      <p>
        <a className="button primary" href={url} target="_blank" rel="noreferrer noopener">
          Open the provider’s page
        </a>
      </p>
      {kind === 'device' && code && (
        <>
          <p className="soft">Enter this code there:</p>
          <p className="code">{code}</p>
        </>
      )}
      <details>
        <summary>The address, for another browser</summary>
        <Snippet text={url} label="Address of the sign-in" />
      </details>
      {kind === 'copy_paste' ? (
        <form
          className="form"
          onSubmit={event => {
            event.preventDefault()
            finish.mutate()
          }}
        >
          <Field label="The code that the page shows">
            <input
              className="input mono"
              required
              autoComplete="off"
              spellCheck={false}
              value={pasted}
              onChange={event => setPasted(event.target.value)}
            />
          </Field>
          {finish.error && <Failed error={finish.error} />}
          <div className="dialog-foot">
            <button type="submit" className="button" disabled={finish.isPending}>
              Finish
            </button>
          </div>
        </form>
      ) : problem ? (
        <div className="problem">
          <p>{problem.message}</p>
          {problem.hint && <p className="hint">{problem.hint}</p>}
          <button type="button" className="button small" onClick={props.onAgain}>
            Begin again
          </button>
        </div>
      ) : (
        <p className="soft" role="status">
          Waiting for you to agree there, until {clock(expires_at)}.
        </p>
      )}
      {status.error && <Failed error={status.error} retry={() => void status.refetch()} />}
    </>
  )
}
