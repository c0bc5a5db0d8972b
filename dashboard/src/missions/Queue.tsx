import { useMutation, useQuery } from '@tanstack/react-query'
import { ArrowDown, ArrowUp, Pencil, X, Zap } from 'lucide-react'
import { useState } from 'react'
import { api, call } from '../api/client'
import type { Mission } from '../api/schema'
import { tellFailure } from '../shell/toasts'
import { counted } from '../ui/format'
import { queueKey, queueOf, useMissionActions } from './actions'

/** Messages that wait: another text, another order, now, or not at all. */
export function Queue(props: { mission: Mission }) {
  const { mission } = props
  const id = mission.id
  const { queueChanged } = useMissionActions(id)
  const { data } = useQuery({
    queryKey: [...queueKey(id), mission.queued_messages, mission.turns],
    queryFn: () => queueOf(id),
    placeholderData: before => before,
    enabled: mission.queued_messages > 0,
  })
  const [editing, setEditing] = useState<{ id: string; text: string } | undefined>()
  const change = useMutation({
    mutationFn: (work: () => Promise<unknown>) => work(),
    onSettled: queueChanged,
    onError: tellFailure,
  })
  const items = mission.queued_messages > 0 ? (data?.items ?? []) : []
  if (items.length === 0) return null
  const order = (from: number, to: number) => {
    const ids = items.map(item => item.id)
    const [moved] = ids.splice(from, 1)
    if (moved) ids.splice(to, 0, moved)
    change.mutate(() =>
      call(api.PUT('/api/v1/missions/{id}/queue', { params: { path: { id } }, body: { order: ids } })),
    )
  }
  return (
    <section className="queue" aria-label="Messages that wait">
      <h2 className="dim">{counted(items.length, 'message waits', 'messages wait')}</h2>
      <ol>
        {items.map((item, index) => (
          <li key={item.id} className="row">
            {editing?.id === item.id ? (
              <form
                className="row grow"
                onSubmit={event => {
                  event.preventDefault()
                  const { text } = editing
                  setEditing(undefined)
                  change.mutate(() =>
                    call(
                      api.PATCH('/api/v1/missions/{id}/queue/{message}', {
                        params: { path: { id, message: item.id } },
                        body: { text },
                      }),
                    ),
                  )
                }}
              >
                <textarea
                  className="input grow"
                  aria-label="Text of the message"
                  autoFocus
                  value={editing.text}
                  onChange={event => setEditing({ id: item.id, text: event.target.value })}
                />
                <button type="submit" className="button small" disabled={editing.text.trim() === ''}>
                  Save
                </button>
                <button type="button" className="button bare small" onClick={() => setEditing(undefined)}>
                  Back
                </button>
              </form>
            ) : (
              <>
                {item.steer && <span className="tag">steers</span>}
                <span className="cut grow" dir="auto" title={item.text}>
                  {item.text}
                </span>
                {item.attachments && item.attachments.length > 0 && (
                  <span className="tag" title={item.attachments.map(({ name }) => name).join(', ')}>
                    {counted(item.attachments.length, 'file')}
                  </span>
                )}
                <Icon
                  does="Edit"
                  icon={Pencil}
                  onClick={() => setEditing({ id: item.id, text: item.text })}
                />
                <Icon
                  does="Earlier"
                  icon={ArrowUp}
                  disabled={index === 0}
                  onClick={() => order(index, index - 1)}
                />
                <Icon
                  does="Later"
                  icon={ArrowDown}
                  disabled={index === items.length - 1}
                  onClick={() => order(index, index + 1)}
                />
                <Icon
                  does="Interrupt the turn and send it now"
                  icon={Zap}
                  onClick={() =>
                    change.mutate(() =>
                      call(
                        api.POST('/api/v1/missions/{id}/queue/{message}/send-now', {
                          params: { path: { id, message: item.id } },
                        }),
                      ),
                    )
                  }
                />
                <Icon
                  does="Take it out"
                  icon={X}
                  onClick={() =>
                    change.mutate(() =>
                      call(
                        api.DELETE('/api/v1/missions/{id}/queue/{message}', {
                          params: { path: { id, message: item.id } },
                        }),
                      ),
                    )
                  }
                />
              </>
            )}
          </li>
        ))}
      </ol>
    </section>
  )
}

function Icon(props: { does: string; icon: typeof X; disabled?: boolean; onClick: () => void }) {
  return (
    <button
      type="button"
      className="button bare small"
      title={props.does}
      aria-label={props.does}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      <props.icon className="icon" aria-hidden />
    </button>
  )
}
