import { queryOptions, useQuery } from '@tanstack/react-query'
import { RefreshCw } from 'lucide-react'
import { api, call } from '../api/client'
import type { Check, CheckStatus, DoctorReport } from '../api/schema'
import { DataTable } from '../ui/DataTable'
import { clock, counted } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { Section } from '../ui/Section'
import { type Standing, StateMark } from '../ui/StateMark'

const doctor = queryOptions({
  queryKey: ['doctor'],
  queryFn: () => call(api.GET('/api/v1/doctor')) as Promise<DoctorReport>,
  // It makes a workspace of each backend: not without being asked.
  staleTime: Number.POSITIVE_INFINITY,
  refetchOnWindowFocus: false,
  refetchOnReconnect: false,
})

const STATUS: Record<CheckStatus, Standing> = {
  error: { glyph: '✕', word: 'Wrong', tone: 'fail' },
  warning: { glyph: '‖', word: 'Look at it', tone: '' },
  ok: { glyph: '✓', word: 'Good', tone: 'ok' },
}

const ORDER: CheckStatus[] = ['error', 'warning', 'ok']

/** What the server needs on its machine, tried; what is wrong first. */
export function Doctor() {
  const query = useQuery(doctor)
  const checks = query.data?.checks ?? []
  const wrong = checks.filter(({ status }) => status === 'error').length
  const odd = checks.filter(({ status }) => status === 'warning').length
  return (
    <Section
      title={
        !query.data
          ? 'What the server needs'
          : wrong > 0
            ? `${counted(wrong, 'thing is', 'things are')} wrong`
            : odd > 0
              ? `Nothing is wrong; ${counted(odd, 'thing', 'things')} to look at`
              : 'Nothing is wrong'
      }
      about="Each backend is tried by making a workspace, entering it and removing it."
      head={
        <>
          {query.data && <span className="dim num">as of {clock(query.dataUpdatedAt)}</span>}
          <button
            type="button"
            className="button small"
            disabled={query.isFetching}
            onClick={() => void query.refetch()}
          >
            <RefreshCw className="icon" aria-hidden />
            {query.isFetching ? 'Trying…' : 'Try again'}
          </button>
        </>
      }
    >
      <Loaded query={query} rows={10}>
        {({ checks }) => (
          <DataTable label="Checks" head={['Standing', 'What', 'Found']}>
            {checks
              .toSorted((one, other) => ORDER.indexOf(one.status) - ORDER.indexOf(other.status))
              .map(check => (
                <Row key={check.name} check={check} />
              ))}
          </DataTable>
        )}
      </Loaded>
    </Section>
  )
}

function Row(props: { check: Check }) {
  const { name, status, detail, failure } = props.check
  return (
    <tr>
      <td data-label="Standing">
        <StateMark standing={STATUS[status]} />
      </td>
      <td data-label="What" className="text">
        {name}
      </td>
      <td data-label="Found" className="text wide soft">
        {detail}
        {failure?.hint && <p className="hint">{failure.hint}</p>}
      </td>
    </tr>
  )
}
