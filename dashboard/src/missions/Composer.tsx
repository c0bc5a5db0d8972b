import { useEffect, useRef, useState } from 'react'
import { requestKey } from '../api/client'
import type { HarnessAbout, Mission } from '../api/schema'
import { attachmentsOf } from '../attach/files'
import { AttachButton } from '../compose/AttachButton'
import { PromptBox } from '../compose/PromptBox'
import { shown } from '../shell/keys'
import { useSignal } from '../signal'
import { Menu, MenuItem } from '../ui/Menu'
import { useMissionActions, useSend } from './actions'
import { useDraft } from './draft'
import { useSlashCommands } from './slash'
import { WayMenu } from './WayMenu'

export function Composer(props: { mission: Mission; about?: HarnessAbout; onSent: () => void }) {
  const { mission, about } = props
  const [text, setText] = useDraft(`mission:${mission.id}`)
  const files = attachmentsOf(`mission:${mission.id}`)
  const attached = useSignal(files)
  const picker = useRef<HTMLInputElement>(null)
  const latest = useRef(text)
  useEffect(() => {
    latest.current = text
  })
  const [key, setKey] = useState(requestKey)
  const { edit, run } = useMissionActions(mission.id)
  const { send, busy, way, steers } = useSend(mission, about)
  const commands = useSlashCommands({
    mission,
    about,
    text,
    busy,
    steers,
    edit: edit.mutate,
    attach: () => picker.current?.click(),
  })
  const waits = attached.some(({ id }) => !id)
  const submit = () => {
    const message = text.trim()
    if (message === '' || waits || send.isPending) return
    // What is written while this is on its way is the next message.
    setText('')
    setKey(requestKey())
    const taken = files.take()
    send.mutate(
      { text: message, attachments: taken.flatMap(({ id }) => id ?? []), key },
      {
        onError: () => {
          files.restore(taken)
          if (latest.current !== '') return
          setText(message)
          // Sent again it is the same message, should it have arrived after all.
          setKey(key)
        },
        onSuccess: props.onSent,
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
      <PromptBox
        label="Message"
        placeholder={placeholder}
        text={text}
        onText={setText}
        rows={Math.min(10, Math.max(1, text.split('\n').length))}
        above
        place={{ workspace: mission.workspace, base: mission.worktree ? `missions/${mission.id}` : '' }}
        commands={commands}
        files={files}
        onKey={event => {
          if (
            event.key === 'Enter' &&
            (event.ctrlKey || event.metaKey || !(event.shiftKey || matchMedia('(pointer: coarse)').matches))
          ) {
            event.preventDefault()
            submit()
          } else if (event.key === 'Escape') event.currentTarget.blur()
        }}
      />
      {attached.length > 0 && busy && way === 'steer' && (
        <p className="dim">With files it waits until the turn is over.</p>
      )}
      {attached.some(({ image }) => image) && about?.images === false && (
        <p className="dim">This agent does not look at images: it is told where they are.</p>
      )}
      <div className="row wrap composer-foot">
        <AttachButton files={files} picker={picker} />
        {busy && <WayMenu way={way} steers={steers} />}
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
        <button
          type="submit"
          className="button primary"
          disabled={text.trim() === '' || waits || send.isPending}
        >
          {send.isPending ? 'Sending…' : 'Send'} <kbd>⏎</kbd>
        </button>
      </div>
    </form>
  )
}
