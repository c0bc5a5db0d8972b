import { useEffect, useRef, useState } from 'react'
import { requestKey } from '../api/client'
import type { HarnessAbout, Mission } from '../api/schema'
import { shown } from '../shell/keys'
import { announce, tellFailure } from '../shell/toasts'
import { Menu, MenuItem } from '../ui/Menu'
import { useMissionActions } from './actions'
import { useDraft } from './draft'

/** How a message reaches an agent that is at work. */
type Way = 'steer' | 'queue' | 'interrupt'

const WAYS: Record<Way, { title: string; does: string }> = {
  steer: { title: 'Steer', does: 'The agent is told in the middle of its turn' },
  queue: { title: 'Queue', does: 'It waits until the turn is over' },
  interrupt: { title: 'Interrupt', does: 'The turn is ended, and this is the next' },
}

export function Composer(props: { mission: Mission; about?: HarnessAbout; onSent: () => void }) {
  const { mission, about } = props
  const [text, setText] = useDraft(`mission:${mission.id}`)
  const latest = useRef(text)
  useEffect(() => {
    latest.current = text
  })
  const busy = ['running', 'awaiting_approval', 'queued'].includes(mission.state)
  const steers = about?.steer === true
  const [chosen, setChosen] = useState<Way | undefined>()
  const way: Way = chosen === 'steer' && !steers ? 'queue' : (chosen ?? (steers ? 'steer' : 'queue'))
  const [key, setKey] = useState(requestKey)
  const { send, edit, run, queueChanged } = useMissionActions(mission.id)
  const submit = () => {
    const message = text.trim()
    if (message === '' || send.isPending) return
    // What is written while this is on its way is the next message.
    setText('')
    setKey(requestKey())
    send.mutate(
      { text: message, steer: busy && way === 'steer', key },
      {
        onError: () => {
          if (latest.current !== '') return
          setText(message)
          // Sent again it is the same message, should it have arrived after all.
          setKey(key)
        },
        onSuccess: sent => {
          props.onSent()
          announce(busy ? 'Message added' : 'Message sent')
          if (!busy || way !== 'interrupt') return
          void import('../api/client')
            .then(({ api, call }) =>
              call(
                api.POST('/api/v1/missions/{id}/queue/{message}/send-now', {
                  params: { path: { id: mission.id, message: sent.id } },
                }),
              ),
            )
            .then(queueChanged, tellFailure)
        },
      },
    )
  }
  const ended = mission.state === 'done' || mission.state === 'cancelled' || mission.state === 'failed'
  const placeholder = busy
    ? { steer: 'Steer the agent…', queue: 'For the next turn…', interrupt: 'Stop, and do this instead…' }[way]
    : ended
      ? 'A further message takes this mission up again…'
      : mission.harness === 'shell'
        ? 'The next script…'
        : 'What next?'
  return (
    <form
      className="composer"
      onSubmit={event => {
        event.preventDefault()
        submit()
      }}
    >
      <textarea
        className="input"
        aria-label="Message"
        placeholder={placeholder}
        rows={Math.min(10, Math.max(1, text.split('\n').length))}
        value={text}
        onChange={event => setText(event.target.value)}
        onKeyDown={event => {
          if (event.nativeEvent.isComposing) return
          if (
            event.key === 'Enter' &&
            (event.ctrlKey || event.metaKey || !(event.shiftKey || matchMedia('(pointer: coarse)').matches))
          ) {
            event.preventDefault()
            submit()
          } else if (event.key === 'Escape') event.currentTarget.blur()
        }}
      />
      <div className="row wrap composer-foot">
        {busy && (
          <Menu label={`${WAYS[way].title} ▾`} className="button bare small">
            {(Object.keys(WAYS) as Way[]).map(name => (
              <MenuItem key={name} disabled={name === 'steer' && !steers} onChoose={() => setChosen(name)}>
                <span>
                  <b>{WAYS[name].title}</b>
                  <br />
                  <span className="dim">
                    {name === 'steer' && !steers ? 'This agent cannot be steered' : WAYS[name].does}
                  </span>
                </span>
              </MenuItem>
            ))}
          </Menu>
        )}
        {about?.chooses_model && (
          <Menu label={`${mission.model ?? 'Default model'} ▾`} className="button bare small">
            <MenuItem onChoose={() => edit.mutate({ model: null })}>Default model</MenuItem>
            {about.models.map(model => (
              <MenuItem key={model} onChoose={() => edit.mutate({ model })}>
                {model}
              </MenuItem>
            ))}
          </Menu>
        )}
        {about && about.efforts.length > 0 && (
          <Menu label={`Effort: ${mission.effort ?? 'default'} ▾`} className="button bare small">
            <MenuItem onChoose={() => edit.mutate({ effort: null })}>Default effort</MenuItem>
            {about.efforts.map(effort => (
              <MenuItem key={effort} onChoose={() => edit.mutate({ effort })}>
                {effort}
              </MenuItem>
            ))}
          </Menu>
        )}
        {about?.planning && (
          <button
            type="button"
            className="button bare small"
            aria-pressed={mission.mode === 'plan'}
            title="In plan mode the agent says how it would do it, and changes nothing"
            onClick={() => edit.mutate({ mode: mission.mode === 'plan' ? 'act' : 'plan' })}
          >
            {mission.mode === 'plan' ? 'Plan mode' : 'Acts'}
          </button>
        )}
        {about?.approvals && (
          <button
            type="button"
            className="button bare small"
            aria-pressed={mission.approvals === 'ask'}
            title="Whether the agent asks before it does what may do harm"
            onClick={() => edit.mutate({ approvals: mission.approvals === 'ask' ? 'bypass' : 'ask' })}
          >
            {mission.approvals === 'ask' ? 'Asks first' : 'Asks nothing'}
          </button>
        )}
        <span className="grow" />
        {mission.state === 'running' || mission.state === 'awaiting_approval' ? (
          <button
            type="button"
            className="button"
            disabled={run.isPending}
            onClick={() => run.mutate('interrupt')}
          >
            Interrupt <kbd>{shown('interrupt')}</kbd>
          </button>
        ) : null}
        <button type="submit" className="button primary" disabled={text.trim() === '' || send.isPending}>
          {send.isPending ? 'Sending…' : 'Send'} <kbd>⏎</kbd>
        </button>
      </div>
    </form>
  )
}
