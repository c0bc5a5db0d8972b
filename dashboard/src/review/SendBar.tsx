import { useRef } from 'react'
import { requestKey } from '../api/client'
import type { HarnessAbout, Mission } from '../api/schema'
import { useSend } from '../missions/actions'
import { WayMenu } from '../missions/WayMenu'
import { shown, useKeys } from '../shell/keys'
import { tell } from '../shell/toasts'
import { ConfirmButton } from '../ui/Confirm'
import { counted } from '../ui/format'
import { CommentCard } from './CommentCard'
import { type Comment, messageOf } from './comments'

/** Sends all comments to the agent as one message. */
export function SendBar(props: {
  mission: Mission
  about?: HarnessAbout
  comments: readonly Comment[]
  /** Those whose file is not in what is shown. */
  elsewhere: readonly Comment[]
  onRemove: (ids: readonly string[]) => void
}) {
  const { comments, elsewhere, onRemove } = props
  const { send, busy, way, steers } = useSend(props.mission, props.about)
  // The same comments that are sent again are the same message, should they have arrived after all.
  const last = useRef({ text: '', key: '' })
  const submit = () => {
    if (send.isPending || comments.length === 0) return
    const ids = comments.map(({ id }) => id)
    const text = messageOf(comments)
    if (last.current.text !== text) last.current = { text, key: requestKey() }
    send.mutate(last.current, {
      onSuccess: () => {
        onRemove(ids)
        tell(`${counted(ids.length, 'comment')} sent to the agent.`)
      },
    })
  }
  useKeys({ sendReview: submit })
  if (comments.length === 0) return null
  return (
    <div className="rv-send">
      {elsewhere.length > 0 && (
        <details>
          <summary>{counted(elsewhere.length, 'comment')} on files that are not shown here</summary>
          {elsewhere.map(comment => (
            <CommentCard
              key={comment.id}
              comment={comment}
              changed={false}
              apart
              onRemove={() => onRemove([comment.id])}
            />
          ))}
        </details>
      )}
      <div className="row wrap">
        <span className="soft num grow">{counted(comments.length, 'comment')}, not sent yet</span>
        <ConfirmButton
          label="Discard all"
          title="Discard all comments?"
          confirm="Discard them"
          className="button bare small"
          onConfirm={() => onRemove(comments.map(({ id }) => id))}
        >
          The agent has not seen them, and they are nowhere else.
        </ConfirmButton>
        {busy && <WayMenu way={way} steers={steers} />}
        <button type="button" className="button primary" disabled={send.isPending} onClick={submit}>
          {send.isPending ? 'Sending…' : `Send ${counted(comments.length, 'comment')}`}{' '}
          <kbd>{shown('sendReview')}</kbd>
        </button>
      </div>
    </div>
  )
}
