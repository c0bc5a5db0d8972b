import { useState } from 'react'
import { api, call } from '../api/client'
import type { Secret } from '../api/schema'
import { useAction } from '../ui/action'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { Failed } from '../ui/states'

/** A secret that is wanted, or what is to be changed of one. The value is not kept in the page once it was sent. */
export function SecretDialog(props: { secret?: Secret; onClose: () => void }) {
  const { secret } = props
  const [name, setName] = useState(secret?.name ?? '')
  const [value, setValue] = useState('')
  const [audience, setAudience] = useState(secret?.audience.join('\n') ?? 'workspaces')
  const [description, setDescription] = useState(secret?.description ?? '')
  const save = useAction({
    run: () => {
      const path = { name: name.trim() }
      const terms = {
        audience: audience.split(/[\s,]+/).filter(Boolean),
        description: description.trim() || null,
      }
      return value
        ? call(api.PUT('/api/v1/secrets/{name}', { params: { path }, body: { ...terms, value } }))
        : call(api.PATCH('/api/v1/secrets/{name}', { params: { path }, body: terms }))
    },
    done: () => `The secret ${name.trim()} is kept.`,
    stale: [['secrets'], ['vault']],
    quiet: true,
    after: () => {
      setValue('')
      props.onClose()
    },
  })
  return (
    <Dialog title={secret ? `Change ${secret.name}` : 'New secret'} onClose={props.onClose}>
      <form
        className="dialog-body"
        autoComplete="off"
        onSubmit={event => {
          event.preventDefault()
          save.mutate()
        }}
      >
        {!secret && (
          <Field label="Name">
            <input
              className="input mono"
              required
              autoFocus
              autoComplete="off"
              spellCheck={false}
              value={name}
              placeholder="REGISTRY_TOKEN"
              onChange={event => setName(event.target.value)}
            />
          </Field>
        )}
        <Field
          label={secret ? 'Another value' : 'Value'}
          hint="At least 6 characters. It is never shown again."
        >
          <input
            className="input mono"
            type="password"
            autoComplete="new-password"
            required={!secret}
            minLength={6}
            value={value}
            placeholder={secret ? 'stays as it is' : undefined}
            onChange={event => setValue(event.target.value)}
          />
        </Field>
        <Field
          label="Who may use it"
          hint="One a line: workspaces, git:HOST, provider:NAME, plugin:ID, host:HOST."
        >
          <textarea
            className="input mono"
            rows={2}
            spellCheck={false}
            value={audience}
            onChange={event => setAudience(event.target.value)}
          />
        </Field>
        <Field label="What it is for">
          <input
            className="input"
            value={description}
            maxLength={200}
            onChange={event => setDescription(event.target.value)}
          />
        </Field>
        {save.error && <Failed error={save.error} />}
        <div className="dialog-foot">
          <button type="submit" className="button primary" disabled={save.isPending}>
            Keep it
          </button>
        </div>
      </form>
    </Dialog>
  )
}
