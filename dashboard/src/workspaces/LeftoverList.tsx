import { queryOptions, useQuery } from '@tanstack/react-query'
import { api, call } from '../api/client'
import type { Leftover } from '../api/schema'
import { useMay } from '../me'
import { useAction } from '../ui/action'
import { ConfirmButton } from '../ui/Confirm'
import { DataTable } from '../ui/DataTable'
import { Loaded } from '../ui/Loaded'

const leftovers = queryOptions({
  queryKey: ['leftovers'],
  queryFn: () => call(api.GET('/api/v1/leftovers')) as Promise<{ items: Leftover[] }>,
})

/** What backends keep of workspaces that are not there. */
export function LeftoverList() {
  const query = useQuery(leftovers)
  const admin = useMay('admin')
  const remove = useAction({
    run: ({ backend, workspace }: Leftover) =>
      call(
        api.DELETE('/api/v1/leftovers/{backend}/{workspace}', { params: { path: { backend, workspace } } }),
      ),
    done: 'It is removed.',
    stale: [leftovers.queryKey],
  })
  return (
    <Loaded
      query={query}
      empty={{
        when: ({ items }) => items.length === 0,
        title: 'Nothing is left over',
        text: <p>Backends keep nothing of workspaces that are not there any more.</p>,
      }}
    >
      {({ items }) => (
        <DataTable label="Leftovers" head={['Backend', 'Workspace', { title: 'Actions', hidden: true }]}>
          {items.map(leftover => (
            <tr key={`${leftover.backend} ${leftover.workspace}`}>
              <td data-label="Backend">{leftover.backend}</td>
              <td data-label="Workspace" className="mono">
                {leftover.workspace}
              </td>
              <td className="actions">
                <ConfirmButton
                  label="Remove"
                  title="Remove what is left"
                  confirm="Remove"
                  disabled={!admin}
                  onConfirm={() => remove.mutate(leftover)}
                >
                  <p>The backend {leftover.backend} removes what it keeps, files included.</p>
                </ConfirmButton>
              </td>
            </tr>
          ))}
        </DataTable>
      )}
    </Loaded>
  )
}
