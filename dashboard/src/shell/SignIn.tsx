import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, call } from '../api/client'
import { connect } from '../live/connection'
import { session } from '../session'
import { Failed } from '../ui/states'

/** The form itself: in a page of its own, or over the page of somebody whose login has ended. */
export function SignInForm() {
  const queries = useQueryClient()
  const [name, setName] = useState('admin')
  const [password, setPassword] = useState('')
  const signIn = useMutation({
    mutationFn: () => call(api.POST('/api/v1/auth/login', { body: { name, password } })),
    onSuccess: () => {
      session.set('in')
      connect()
      void queries.invalidateQueries()
    },
  })
  return (
    <form
      className="sign-in-form"
      onSubmit={event => {
        event.preventDefault()
        signIn.mutate()
      }}
    >
      <label className="field">
        <span>Name</span>
        <input
          className="input"
          name="name"
          autoComplete="username"
          autoCapitalize="none"
          required
          value={name}
          onChange={event => setName(event.target.value)}
        />
      </label>
      <label className="field">
        <span>Password</span>
        <input
          className="input"
          name="password"
          type="password"
          autoComplete="current-password"
          required
          autoFocus
          value={password}
          onChange={event => setPassword(event.target.value)}
        />
      </label>
      {signIn.error && <Failed error={signIn.error} />}
      <button type="submit" className="button primary" disabled={signIn.isPending}>
        {signIn.isPending ? 'Signing in…' : 'Sign in'}
      </button>
    </form>
  )
}

export function SignIn() {
  return (
    <main id="main" className="sign-in" data-ready>
      <div>
        <h1>
          <Mark /> sandboxed.sh
        </h1>
        <SignInForm />
        <p className="dim">
          The first start of the server printed the password of <code>admin</code>. Lost?{' '}
          <code>sandboxed-sh user set-password admin</code>
        </p>
        {location.protocol === 'http:' &&
          !['localhost', '127.0.0.1', '[::1]'].includes(location.hostname) && (
            <p className="dim">
              This page came over plain HTTP: put TLS in front of the server where others share the network.
            </p>
          )}
      </div>
    </main>
  )
}

export function Mark() {
  return (
    <span className="mark" aria-hidden>
      <i />
      <i />
      <i />
    </span>
  )
}
