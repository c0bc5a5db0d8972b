import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useRef } from 'react'
import type { Model } from '../api/schema'
import { useKeys } from '../shell/keys'
import { DataTable } from '../ui/DataTable'
import { tokens } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { Section } from '../ui/Section'
import { accounts, models } from './queries'

/** The models that the server knows, with what they cost. */
export function ModelList() {
  const query = useQuery(models)
  const mine = useQuery(accounts)
  const { q = '' } = useSearch({ from: '/harnesses' })
  const navigate = useNavigate({ from: '/harnesses' })
  const filter = useRef<HTMLInputElement>(null)
  useKeys({ filter: () => filter.current?.focus() })
  const reached = new Set(mine.data?.filter(({ enabled }) => enabled).map(({ provider }) => provider))
  return (
    <Section
      title="Models"
      about="Prices are those of the catalogue that came with the server, in dollars per million tokens. Correct them in a file of your own: models.catalogue."
    >
      <input
        ref={filter}
        className="input filter"
        type="search"
        aria-label="Filter models"
        placeholder="Model or provider"
        value={q}
        onChange={event =>
          void navigate({
            search: before => ({ ...before, q: event.target.value || undefined }),
            replace: true,
          })
        }
      />
      <Loaded query={query}>
        {({ items }) => (
          <DataTable
            label="Models"
            head={[
              'Model',
              'Provider',
              { title: 'Context', end: true },
              { title: 'Output', end: true },
              { title: 'In', end: true },
              { title: 'Cached', end: true },
              { title: 'Out', end: true },
            ]}
          >
            {items
              .filter(({ id, title, provider }) =>
                `${id} ${title} ${provider}`.toLowerCase().includes(q.toLowerCase()),
              )
              .map(model => {
                const rates = current(model)
                return (
                  <tr key={`${model.provider} ${model.id}`}>
                    <td data-label="Model" className="text">
                      <span className="strong">{model.title}</span>
                      <p className="dim mono">{model.id}</p>
                    </td>
                    <td data-label="Provider">
                      {model.provider}{' '}
                      {mine.data && !reached.has(model.provider) && <span className="dim">no account</span>}
                    </td>
                    <td data-label="Context" className="right num">
                      {model.context_tokens ? tokens(model.context_tokens) : '–'}
                    </td>
                    <td data-label="Output" className="right num">
                      {model.max_output_tokens ? tokens(model.max_output_tokens) : '–'}
                    </td>
                    <td data-label="In" className="right num">
                      {rate(rates?.input)}
                    </td>
                    <td data-label="Cached" className="right num">
                      {rate(rates?.cache_read)}
                    </td>
                    <td data-label="Out" className="right num">
                      {rate(rates?.output)}
                    </td>
                  </tr>
                )
              })}
          </DataTable>
        )}
      </Loaded>
    </Section>
  )
}

/** The newest price that holds today. */
function current({ prices }: Model) {
  const today = new Date().toISOString().slice(0, 10)
  return prices
    .filter(({ from }) => from <= today)
    .sort((one, other) => other.from.localeCompare(one.from))[0]?.rates
}

const rate = (perMillion: number | undefined) =>
  perMillion === undefined ? 'unknown' : `$${(perMillion / 1e6).toFixed(2)}`
