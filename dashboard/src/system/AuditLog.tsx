import { useInfiniteQuery } from '@tanstack/react-query'
import { api, call } from '../api/client'
import type { AuditEntry } from '../api/schema'
import { useMay } from '../me'
import { DataTable } from '../ui/DataTable'
import { moment } from '../ui/format'
import { Section } from '../ui/Section'
import { Empty, Failed, Loading } from '../ui/states'

interface AuditPage {
  items: AuditEntry[]
  next_cursor?: string | null
}

/** Who changed what. */
export function AuditLog() {
  const admin = useMay('admin')
  const query = useInfiniteQuery({
    queryKey: ['audit'],
    queryFn: ({ pageParam }) =>
      call(
        api.GET('/api/v1/audit', { params: { query: { limit: 100, cursor: pageParam } } }),
      ) as Promise<AuditPage>,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.next_cursor ?? undefined,
    enabled: admin,
  })
  const items = query.data?.pages.flatMap(page => page.items) ?? []
  return (
    <Section
      title="Audit log"
      about="Every change over the API, and what the server did on its own, the newest first."
    >
      {!admin && (
        <Empty title="Not with this login">
          <p>The audit log is for logins that may administer.</p>
        </Empty>
      )}
      {query.error && <Failed error={query.error} retry={() => void query.refetch()} />}
      {admin && query.isPending && !query.error && <Loading rows={10} />}
      {query.data && items.length === 0 && <p className="soft">Nothing was changed yet.</p>}
      {items.length > 0 && (
        <DataTable label="Audit log" head={['When', 'What', 'On what', 'Outcome']}>
          {items.map((entry, index) => (
            <tr key={`${entry.at} ${index}`}>
              <td data-label="When" className="num soft">
                {moment(entry.at)}
              </td>
              <td data-label="What" className="text mono">
                {entry.action}
              </td>
              <td data-label="On what" className="text mono">
                {entry.target ?? <span className="dim">–</span>}
              </td>
              <td data-label="Outcome" className={/^[45]/.test(entry.outcome) ? 'num bad' : 'num'}>
                {entry.outcome}
              </td>
            </tr>
          ))}
        </DataTable>
      )}
      {query.hasNextPage && (
        <div>
          <button
            type="button"
            className="button small"
            disabled={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            {query.isFetchingNextPage ? 'Loading…' : 'Show older entries'}
          </button>
        </div>
      )}
    </Section>
  )
}
