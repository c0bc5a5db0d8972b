import { useState } from 'react'
import type { SpendingSum } from '../api/schema'
import { DataTable } from '../ui/DataTable'
import { money, tokens } from '../ui/format'
import { allTokens } from './queries'
import './usage.css'

type Measure = 'cost' | 'tokens'

/** A bar for each day; the same as a table. */
export function DayChart(props: { days: string[]; sums: SpendingSum[] }) {
  const [measure, setMeasure] = useState<Measure>('cost')
  const [table, setTable] = useState(false)
  const sums = new Map(props.sums.map(sum => [sum.key, sum]))
  const value = (day: string) => {
    const sum = sums.get(day)
    if (!sum) return 0
    return measure === 'cost' ? sum.cost_micro_usd : allTokens(sum)
  }
  const write = measure === 'cost' ? money : tokens
  const highest = Math.max(0, ...props.days.map(value))
  const peak = props.days.find(day => value(day) === highest)
  return (
    <figure className="chart">
      <figcaption className="row wrap">
        <span className="soft">
          {highest === 0
            ? 'Nothing was used in these days.'
            : `Most on ${peak}: ${write(highest)}${measure === 'tokens' ? ' tokens' : ''}.`}
        </span>
        <span className="row section-head">
          <select
            className="input small-input"
            aria-label="What is shown"
            value={measure}
            onChange={event => setMeasure(event.target.value as Measure)}
          >
            <option value="cost">Cost</option>
            <option value="tokens">Tokens</option>
          </select>
          <button
            type="button"
            className="button small"
            aria-pressed={table}
            onClick={() => setTable(!table)}
          >
            Table
          </button>
        </span>
      </figcaption>
      {table ? (
        <DataTable
          label="By day"
          head={['Day', { title: 'Cost', end: true }, { title: 'Tokens', end: true }]}
        >
          {props.days.toReversed().map(day => {
            const sum = sums.get(day)
            return (
              <tr key={day}>
                <td data-label="Day" className="num">
                  {day}
                </td>
                <td data-label="Cost" className="right num">
                  {sum ? money(sum.cost_micro_usd) : '–'}
                </td>
                <td data-label="Tokens" className="right num">
                  {sum ? tokens(allTokens(sum)) : '–'}
                </td>
              </tr>
            )
          })}
        </DataTable>
      ) : (
        <div className="bars" aria-hidden>
          {props.days.map(day => (
            <span key={day} title={`${day}: ${write(value(day))}`}>
              <i style={{ blockSize: value(day) > 0 ? `max(1px, ${(value(day) / highest) * 100}%)` : 0 }} />
            </span>
          ))}
        </div>
      )}
      {!table && props.days.length > 0 && (
        <div className="bar-ends dim num" aria-hidden>
          <span>{props.days[0]}</span>
          {props.days.length > 1 && <span>{props.days.at(-1)}</span>}
        </div>
      )}
    </figure>
  )
}
