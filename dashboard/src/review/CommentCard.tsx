import { visible } from '../transcript/visible'
import { type Comment, placeOf, type Span } from './comments'

/** A comment that is not sent yet, below the lines that it is about. */
export function CommentCard(props: {
  comment: Comment
  /** The lines are no longer as they were when it was written. */
  changed: boolean
  /** It stands on its own, away from the file. */
  apart?: boolean
  onEdit?: () => void
  onRemove: () => void
}) {
  const { comment } = props
  return (
    <section
      className={props.changed ? 'rv-card changed' : 'rv-card'}
      aria-label={`Comment on ${placeOf(comment)} of ${comment.path}`}
    >
      <p className="dim">
        {props.apart && `${visible(comment.path)}, `}
        {placeOf(comment)}
        {props.changed && '. These lines have changed since'}
      </p>
      {(props.changed || props.apart) && <pre className="rv-quote">{visible(comment.code)}</pre>}
      <p className="plain" dir="auto">
        {comment.text}
      </p>
      <div className="row">
        {props.onEdit && (
          <button type="button" className="button bare small" onClick={props.onEdit}>
            Edit
          </button>
        )}
        <button type="button" className="button bare small" onClick={props.onRemove}>
          Remove
        </button>
      </div>
    </section>
  )
}

/** Where a comment is written. What is in it stays in the draft, also when it is left. */
export function CommentEditor(props: {
  span: Span
  text: string
  onText: (text: string) => void
  onSave: () => void
  onDiscard: () => void
}) {
  const empty = props.text.trim() === ''
  return (
    <form
      className="rv-card"
      onSubmit={event => {
        event.preventDefault()
        if (!empty) props.onSave()
      }}
    >
      <textarea
        className="input"
        aria-label={`Comment on ${placeOf(props.span)} of ${props.span.path}`}
        placeholder={`About ${placeOf(props.span)}…`}
        rows={Math.min(12, Math.max(3, props.text.split('\n').length))}
        maxLength={10_000}
        autoFocus
        value={props.text}
        onChange={event => props.onText(event.target.value)}
        onKeyDown={event => {
          if (event.nativeEvent.isComposing) return
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            event.preventDefault()
            if (!empty) props.onSave()
          } else if (event.key === 'Escape') {
            event.stopPropagation()
            if (empty) props.onDiscard()
            else event.currentTarget.blur()
          }
        }}
      />
      <div className="row">
        <button type="submit" className="button small" disabled={empty}>
          Keep the comment <kbd>Ctrl ⏎</kbd>
        </button>
        <button type="button" className="button bare small" onClick={props.onDiscard}>
          Discard
        </button>
      </div>
    </form>
  )
}
