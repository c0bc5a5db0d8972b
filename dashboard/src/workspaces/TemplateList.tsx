import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { DataTable } from '../ui/DataTable'
import { age } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { useNow } from '../ui/now'
import { useRowKeys } from '../ui/rowKeys'
import { reach } from './standing'
import { templates } from './workspace'

/** What workspaces can be made from. */
export function TemplateList() {
  const query = useQuery(templates)
  const now = useNow(30_000)
  const rows = useRowKeys()
  return (
    <Loaded
      query={query}
      empty={{
        when: ({ items }) => items.length === 0,
        title: 'No templates yet',
        text: (
          <p>
            A template holds what workspaces begin with: backend, network, limits, variables, directories and
            init steps. When it changes, its workspaces show how they differ, and can be brought to the new
            version.
          </p>
        ),
      }}
    >
      {({ items }) => (
        <div ref={rows}>
          <DataTable
            label="Templates"
            head={['Name', 'Backend', 'Reaches', 'Init steps', 'Version', { title: 'Changed', end: true }]}
          >
            {items.map(template => (
              <tr key={template.name}>
                <td data-label="Name" className="text">
                  <Link to="/templates/$name" params={{ name: template.name }} className="strong" data-row>
                    {template.name}
                  </Link>
                  {template.description && <p className="soft">{template.description}</p>}
                </td>
                <td data-label="Backend">
                  {template.workspace.backend ?? <span className="dim">default</span>}
                </td>
                <td data-label="Reaches" className="soft">
                  {template.workspace.network ? reach(template.workspace.network) : 'default'}
                </td>
                <td data-label="Init steps" className="num">
                  {template.workspace.init?.length ?? 0}
                </td>
                <td data-label="Version" className="num">
                  {template.version}
                  {template.declared && <span className="tag">from the configuration</span>}
                </td>
                <td data-label="Changed" className="right num soft">
                  {age(now - Date.parse(template.created_at))} ago
                </td>
              </tr>
            ))}
          </DataTable>
        </div>
      )}
    </Loaded>
  )
}
