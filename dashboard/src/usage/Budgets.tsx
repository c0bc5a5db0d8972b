import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, call } from '../api/client'
import type { Budget, BudgetPeriod } from '../api/schema'
import { useMay } from '../me'
import { accounts } from '../providers/queries'
import { useAction } from '../ui/action'
import { ConfirmButton } from '../ui/Confirm'
import { DataTable } from '../ui/DataTable'
import { Field } from '../ui/Field'
import { moment, money } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { Progress } from '../ui/Progress'
import { Section } from '../ui/Section'
import { budgets } from './queries'

const PERIODS: Record<BudgetPeriod, string> = { total: 'altogether', day: 'a day', month: 'a month' }

/** What may be spent, and how much of it is. */
export function Budgets() {
  const query = useQuery(budgets)
  const admin = useMay('admin')
  const [scope, setScope] = useState('server')
  const [limit, setLimit] = useState('')
  const [period, setPeriod] = useState<BudgetPeriod>('month')
  const mine = useQuery(accounts)
  const stale = [budgets.queryKey]
  const set = useAction({
    run: () =>
      call(
        api.PUT('/api/v1/budgets', {
          body: { scope, period, limit_micro_usd: Math.round(Number(limit) * 1e6) },
        }),
      ),
    done: 'The budget holds from now on.',
    stale,
    after: () => setLimit(''),
  })
  const remove = useAction({
    run: ({ scope, period }: Budget) =>
      call(api.DELETE('/api/v1/budgets', { params: { query: { scope, period } } })),
    done: 'The budget is gone.',
    stale,
  })
  return (
    <Section
      title="Budgets"
      about="A request that would go over a budget is refused before it is sent. Where a budget counts a request whose price is not known, it is refused too."
    >
      <Loaded
        query={query}
        rows={2}
        empty={{
          when: ({ items }) => items.length === 0,
          title: 'No budget',
          text: <p>Nothing stops a mission from spending. Set one below.</p>,
        }}
      >
        {({ items }) => (
          <DataTable
            label="Budgets"
            head={[
              'For',
              'Spent',
              { title: 'Of', end: true },
              'Begins anew',
              { title: 'Actions', hidden: true },
            ]}
          >
            {items.map(budget => {
              const used = budget.spent_micro_usd + budget.reserved_micro_usd
              return (
                <tr key={`${budget.scope} ${budget.period}`}>
                  <td data-label="For" className="text mono">
                    {budget.scope}
                  </td>
                  <td data-label="Spent" className="num">
                    <span className="budget-bar">
                      <span>
                        {money(budget.spent_micro_usd)}
                        {budget.reserved_micro_usd > 0 && (
                          <span className="dim"> and {money(budget.reserved_micro_usd)} set aside</span>
                        )}
                      </span>
                      <Progress
                        label={`Spent of the budget of ${budget.scope}`}
                        done={used}
                        total={budget.limit_micro_usd}
                        full={used > budget.limit_micro_usd * 0.9}
                      />
                    </span>
                  </td>
                  <td data-label="Of" className="right num">
                    {money(budget.limit_micro_usd)} {PERIODS[budget.period]}
                  </td>
                  <td data-label="Begins anew" className="soft">
                    {budget.resets_at ? moment(budget.resets_at) : 'never'}
                  </td>
                  <td className="actions">
                    <ConfirmButton
                      label="Remove"
                      title="Remove the budget"
                      confirm="Remove"
                      disabled={!admin}
                      onConfirm={() => remove.mutate(budget)}
                    >
                      <p>Nothing holds {budget.scope} to it then.</p>
                    </ConfirmButton>
                  </td>
                </tr>
              )
            })}
          </DataTable>
        )}
      </Loaded>
      <form
        className="inline-form"
        onSubmit={event => {
          event.preventDefault()
          set.mutate()
        }}
      >
        <Field label="For">
          <input
            className="input mono"
            list="budget-scopes"
            required
            value={scope}
            spellCheck={false}
            onChange={event => setScope(event.target.value)}
          />
        </Field>
        <datalist id="budget-scopes">
          <option value="server" />
          {mine.data?.map(({ name }) => (
            <option key={name} value={`account:${name}`} />
          ))}
        </datalist>
        <Field label="Dollars">
          <input
            className="input"
            type="number"
            min={0}
            step="any"
            required
            value={limit}
            placeholder="50"
            onChange={event => setLimit(event.target.value)}
          />
        </Field>
        <Field label="In which time">
          <select
            className="input"
            value={period}
            onChange={event => setPeriod(event.target.value as BudgetPeriod)}
          >
            <option value="day">A day</option>
            <option value="month">A month</option>
            <option value="total">Altogether</option>
          </select>
        </Field>
        <button type="submit" className="button" disabled={!admin || set.isPending}>
          Set the budget
        </button>
      </form>
    </Section>
  )
}
