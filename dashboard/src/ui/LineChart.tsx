import { clock } from './format'
import './parts.css'

export interface Point {
  /** Milliseconds since 1970. */
  at: number
  value: number
}

const WIDTH = 400
const HEIGHT = 96
/** What is shown, in milliseconds: the line begins at the right edge. */
const SPAN = 600_000

/** One value over the last ten minutes. What was not asked for a while is a gap. */
export function LineChart(props: { title: string; unit: string; points: Point[]; about?: string }) {
  const { points } = props
  const now = points.at(-1)?.at ?? 0
  const last = points.at(-1)?.value
  const highest = Math.max(1, ...points.map(({ value }) => value))
  const x = ({ at }: Point) => WIDTH - ((now - at) / SPAN) * WIDTH
  const y = ({ value }: Point) => HEIGHT - (value / highest) * (HEIGHT - 4) - 2
  return (
    <figure className="line-chart">
      <figcaption>
        <span className="row">
          <strong>{props.title}</strong>
          <span className="section-head num">
            {last === undefined ? '–' : write(last)} {props.unit}
          </span>
        </span>
        {props.about && <span className="dim num">{props.about}</span>}
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${props.title}: ${last === undefined ? 'nothing yet' : `${write(last)} ${props.unit}`}, at most ${write(highest)} in the last ten minutes`}
      >
        {runs(points).map(run => (
          <polyline
            key={run[0]?.at}
            points={run.map(point => `${x(point).toFixed(1)},${y(point).toFixed(1)}`).join(' ')}
            vectorEffect="non-scaling-stroke"
          />
        ))}
      </svg>
      <span className="row dim num chart-ends">
        <span>{now ? clock(now - SPAN) : ''}</span>
        <span className="section-head">at most {write(highest)}</span>
      </span>
    </figure>
  )
}

const GAP = 10_000

/** Points that follow each other without a gap. */
function runs(points: Point[]): Point[][] {
  const all: Point[][] = []
  for (const point of points) {
    const run = all.at(-1)
    const before = run?.at(-1)
    if (run && before && point.at - before.at < GAP) run.push(point)
    else all.push([point])
  }
  return all
}

const write = (value: number) =>
  value >= 10 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1)
