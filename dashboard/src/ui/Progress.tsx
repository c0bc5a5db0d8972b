import './parts.css'

/** How far something has come, or how much of something is used; without a total, that it goes on. */
export function Progress(props: { label: string; done: number; total?: number | null; full?: boolean }) {
  const part = props.total ? Math.min(100, (props.done / props.total) * 100) : undefined
  return (
    <div
      className={`progress ${part === undefined ? 'unsure' : ''} ${props.full ? 'full' : ''}`}
      role="progressbar"
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={part === undefined ? undefined : Math.round(part)}
    >
      <span style={{ inlineSize: `${part ?? 30}%` }} />
    </div>
  )
}
