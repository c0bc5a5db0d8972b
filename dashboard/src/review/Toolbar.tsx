import { Columns2, Maximize2, Minimize2, RefreshCw } from 'lucide-react'
import type { FileChange } from '../api/schema'
import { useSignal } from '../signal'
import { count, counted } from '../ui/format'
import { columns } from './layout'

/** Which changes are shown, how many there are, and how they are laid out. */
export function Toolbar(props: {
  turns: number
  turn?: number
  files: readonly FileChange[]
  leftOut: number
  wide: boolean
  roomForTwo: boolean
  busy: boolean
  onTurn: (turn: number | undefined) => void
  onWide: (wide: boolean) => void
  onRenew: () => void
}) {
  const { files } = props
  const layout = useSignal(columns)
  const sum = (of: (file: FileChange) => number | null | undefined) =>
    count(files.reduce((total, file) => total + (of(file) ?? 0), 0))
  return (
    <div className="row wrap rv-tools">
      <label className="row">
        <span className="hidden">Changes of</span>
        <select
          className="input"
          value={props.turn ?? 'total'}
          onChange={({ target }) => props.onTurn(target.value === 'total' ? undefined : Number(target.value))}
        >
          <option value="total">The whole mission</option>
          {Array.from({ length: props.turns }, (_, index) => (
            <option key={index} value={index + 1}>
              Turn {index + 1}
            </option>
          ))}
        </select>
      </label>
      <span className="soft num grow">
        {files.length > 0 && (
          <>
            {counted(files.length + props.leftOut, 'file')}{' '}
            <span className="plus">+{sum(file => file.added_lines)}</span>{' '}
            <span className="minus">−{sum(file => file.removed_lines)}</span>
          </>
        )}
      </span>
      {props.roomForTwo && (
        <button
          type="button"
          className="button bare small"
          aria-pressed={layout === 'two'}
          title="What was before beside what is now"
          onClick={() => columns.set(layout === 'two' ? 'one' : 'two')}
        >
          <Columns2 className="icon" aria-hidden />
          Side by side
        </button>
      )}
      <button
        type="button"
        className="button bare small"
        aria-label="Look again"
        title="Look again"
        disabled={props.busy}
        onClick={props.onRenew}
      >
        <RefreshCw className="icon" aria-hidden />
      </button>
      <button
        type="button"
        className="button bare small"
        aria-pressed={props.wide}
        aria-label="All of the page"
        title={props.wide ? 'Beside the transcript' : 'All of the page'}
        onClick={() => props.onWide(!props.wide)}
      >
        {props.wide ? <Minimize2 className="icon" aria-hidden /> : <Maximize2 className="icon" aria-hidden />}
      </button>
    </div>
  )
}
