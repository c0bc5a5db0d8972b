import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import type { SpendingSum } from '../api/schema'
import { missionTitles } from '../missions/titles'
import { useCommands } from '../shell/commands'
import { csv, save } from '../ui/csv'
import { DataTable } from '../ui/DataTable'
import { count, money, tokens } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { useNow } from '../ui/now'
import { Section } from '../ui/Section'
import { Page } from '../ui/states'
import { Budgets } from '../usage/Budgets'
import { DayChart } from '../usage/DayChart'
import { allTokens, type GroupBy, inTokens, spending, summed } from '../usage/queries'
import { dayOf, daysOf, lastDays, type Range } from '../usage/range'
import '../usage/usage.css'

const SPANS = [
  { days: 1, title: 'Today' },
  { days: 7, title: '7 days' },
  { days: 30, title: '30 days' },
  { days: 90, title: '90 days' },
]

const GROUPS: { by: GroupBy; title: string }[] = [
  { by: 'model', title: 'Model' },
  { by: 'mission', title: 'Mission' },
  { by: 'account', title: 'Account' },
  { by: 'harness', title: 'Agent' },
  { by: 'user', title: 'User' },
  { by: 'day', title: 'Day' },
]

/** What missions used of models, and what it cost. */
export function Usage() {
  const search = useSearch({ from: '/usage' })
  const navigate = useNavigate({ from: '/usage' })
  // A new day begins at midnight in UTC.
  const today = dayOf(useNow(60_000))
  const usual = lastDays(7, Date.parse(today))
  const range: Range = { from: search.from ?? usual.from, to: search.to ?? usual.to }
  const by = search.by ?? 'model'
  const byDay = useQuery(spending(range, 'day'))
  const groups = useQuery(spending(range, by))
  const titles = useQuery({ ...missionTitles, enabled: by === 'mission' })
  const show = (range: Range) =>
    void navigate({
      search: before => ({
        ...before,
        from: range.from === usual.from && range.to === usual.to ? undefined : range.from,
        to: range.to === usual.to ? undefined : range.to,
      }),
      replace: true,
    })
  const name = (key: string) => (by === 'mission' ? (titles.data?.get(key) ?? key) : key)
  const download = () => {
    const rows = groups.data?.items ?? []
    save(
      `usage-by-${by}-${range.from}-${range.to}.csv`,
      csv([
        [
          by,
          'title',
          'requests',
          'failed',
          'input',
          'cache_read',
          'cache_write',
          'output',
          'reasoning',
          'cost_usd',
          'unpriced_requests',
          'estimated_requests',
        ],
        ...rows.map(sum => [
          sum.key,
          by === 'mission' ? (titles.data?.get(sum.key) ?? '') : '',
          sum.requests,
          sum.failed_requests,
          sum.tokens.input,
          sum.tokens.cache_read,
          sum.tokens.cache_write + sum.tokens.cache_write_1h,
          sum.tokens.output,
          sum.tokens.reasoning,
          sum.cost_micro_usd / 1e6,
          sum.unpriced_requests,
          sum.estimated_requests,
        ]),
      ]),
      'text/csv',
    )
  }
  useCommands([{ id: 'usage-csv', title: 'Download this as CSV', group: 'Here', run: download }])
  return (
    <Page
      title="Usage"
      ready={!byDay.isPending}
      head={
        <div className="row wrap section-head">
          {SPANS.map(({ days, title }) => {
            const span = lastDays(days, Date.parse(today))
            const now = span.from === range.from && span.to === range.to
            return (
              <button
                key={days}
                type="button"
                className={now ? 'button small chosen' : 'button small'}
                aria-pressed={now}
                onClick={() => show(span)}
              >
                {title}
              </button>
            )
          })}
          <input
            type="date"
            className="input small-input"
            aria-label="From"
            value={range.from}
            max={range.to}
            onChange={event => event.target.value && show({ ...range, from: event.target.value })}
          />
          <input
            type="date"
            className="input small-input"
            aria-label="To"
            value={range.to}
            min={range.from}
            max={today}
            onChange={event => event.target.value && show({ ...range, to: event.target.value })}
          />
        </div>
      }
    >
      <Loaded query={byDay} rows={5}>
        {({ items }) => (
          <>
            <Totals sums={items} />
            <DayChart days={daysOf(range)} sums={items} />
          </>
        )}
      </Loaded>
      <Section
        title="Added up"
        head={
          <button
            type="button"
            className="button small"
            disabled={!groups.data?.items.length}
            onClick={download}
          >
            <Download className="icon" aria-hidden />
            CSV
          </button>
        }
      >
        <fieldset className="row wrap bare-row" aria-label="Added up by">
          {GROUPS.map(group => (
            <button
              key={group.by}
              type="button"
              className={group.by === by ? 'button small chosen' : 'button small'}
              aria-pressed={group.by === by}
              onClick={() =>
                void navigate({
                  search: before => ({ ...before, by: group.by === 'model' ? undefined : group.by }),
                  replace: true,
                })
              }
            >
              {group.title}
            </button>
          ))}
        </fieldset>
        <Loaded
          query={groups}
          rows={4}
          empty={{
            when: ({ items }) => items.length === 0,
            title: 'No model was asked',
            text: (
              <p>
                What agents ask models through the server’s gateway is counted here. In these days there was
                nothing, or it went by keys that agents hold themselves.
              </p>
            ),
          }}
        >
          {({ items, more }) => (
            <>
              {more && <p className="soft">There are more rows than are shown: take a shorter time.</p>}
              <Groups
                sums={items}
                by={by}
                name={name}
                title={GROUPS.find(group => group.by === by)?.title ?? ''}
              />
            </>
          )}
        </Loaded>
      </Section>
      <Budgets />
    </Page>
  )
}

function Totals(props: { sums: SpendingSum[] }) {
  const { cost, requests, failed, unpriced, estimated, input, output, cached } = summed(props.sums)
  const part = input > 0 ? Math.round((cached / input) * 100) : 0
  return (
    <ul className="totals">
      <li>
        <span className="dim">Cost</span>
        <span className="figure num">
          {estimated > 0 && '≈ '}
          {unpriced > 0 && cost === 0 ? 'unknown' : money(cost)}
        </span>
        {unpriced > 0 && <span className="soft">and {count(unpriced)} requests of unknown price</span>}
      </li>
      <li>
        <span className="dim">Tokens in</span>
        <span className="figure num">{tokens(input)}</span>
        {input > 0 && <span className="soft">{part} % out of a cache</span>}
      </li>
      <li>
        <span className="dim">Tokens out</span>
        <span className="figure num">{tokens(output)}</span>
      </li>
      <li>
        <span className="dim">Requests</span>
        <span className="figure num">{count(requests)}</span>
        {failed > 0 && <span className="soft">{count(failed)} failed</span>}
      </li>
    </ul>
  )
}

function Groups(props: { sums: SpendingSum[]; by: GroupBy; title: string; name: (key: string) => string }) {
  const { sums, by, name } = props
  const all = Math.max(1, summed(sums).cost)
  return (
    <DataTable
      label={`By ${props.title.toLowerCase()}`}
      head={[
        props.title,
        { title: 'Requests', end: true },
        { title: 'In (cached)', end: true },
        { title: 'Out', end: true },
        { title: 'Cost', end: true },
        'Part',
      ]}
    >
      {sums.map(sum => {
        const part = Math.round((sum.cost_micro_usd / all) * 100)
        const input = inTokens(sum)
        return (
          <tr key={sum.key}>
            <td data-label={props.title} className="text">
              {by === 'mission' ? (
                <Link to="/missions/$id" params={{ id: sum.key }} dir="auto">
                  {name(sum.key)}
                </Link>
              ) : (
                sum.key || 'unknown'
              )}
            </td>
            <td data-label="Requests" className="right num">
              {count(sum.requests)}
            </td>
            <td data-label="In (cached)" className="right num">
              {tokens(input)}{' '}
              <span className="dim">
                ({input > 0 ? Math.round((sum.tokens.cache_read / input) * 100) : 0} %)
              </span>
            </td>
            <td data-label="Out" className="right num">
              {tokens(sum.tokens.output)}
            </td>
            <td data-label="Cost" className="right num">
              {sum.estimated_requests > 0 && '≈ '}
              {sum.unpriced_requests === sum.requests && allTokens(sum) > 0
                ? 'unknown'
                : money(sum.cost_micro_usd)}
            </td>
            <td data-label="Part" className="num soft">
              <span className="part" aria-hidden style={{ '--part': `${part}%` } as React.CSSProperties} />
              {part} %
            </td>
          </tr>
        )
      })}
    </DataTable>
  )
}
