import { useQuery } from '@tanstack/react-query'
import { ExternalLink } from 'lucide-react'
import { useState } from 'react'
import { api, call } from '../api/client'
import type { DeclaredPort, Opened, Workspace } from '../api/schema'
import { useAction } from '../ui/action'
import { DataTable } from '../ui/DataTable'
import { Field } from '../ui/Field'
import { Loaded } from '../ui/Loaded'
import { Section } from '../ui/Section'
import { StateMark } from '../ui/StateMark'
import { workspacePorts } from './workspace'

/** What listens in a workspace, and what was said to. */
export function Ports(props: { workspace: Workspace }) {
  const { id } = props.workspace
  const declared = props.workspace.ports ?? []
  const query = useQuery(workspacePorts(id))
  const [name, setName] = useState('')
  const [port, setPort] = useState('')
  const open = useAction({
    run: async (port: number) => {
      // Opened at once, while the browser still takes it for the person's own deed; it is led on when there is an address.
      const page = window.open('about:blank', '_blank')
      try {
        const opened = (await call(
          api.POST('/api/v1/workspaces/{id}/ports/{port}/open', {
            params: { path: { id, port } },
            body: { path: '/' },
          }),
        )) as Opened
        if (page) {
          page.opener = null
          page.location.replace(opened.url)
        } else location.assign(opened.url)
      } catch (error) {
        page?.close()
        throw error
      }
    },
  })
  const declare = useAction({
    run: (ports: DeclaredPort[]) =>
      call(api.PUT('/api/v1/workspaces/{id}/ports', { params: { path: { id } }, body: { ports } })),
    stale: [['workspaces']],
    after: () => {
      setName('')
      setPort('')
    },
  })
  return (
    <>
      <Section
        title="Ports"
        about="What listens in the workspace is reached under a name of its own. Opening it gives this browser an address that is good once."
      >
        <Loaded
          query={query}
          rows={2}
          empty={{
            when: ({ items }) => items.length === 0,
            title: 'Nothing listens',
            text: <p>A server that is started in the workspace is listed within seconds.</p>,
          }}
        >
          {({ items }) => (
            <DataTable
              label="Ports"
              head={['State', 'Port', 'Name', 'Program', { title: 'Actions', hidden: true }]}
            >
              {items.map(item => (
                <tr key={item.port}>
                  <td data-label="State">
                    <StateMark
                      standing={
                        item.listening
                          ? { glyph: '●', word: 'Listens', tone: 'running' }
                          : { glyph: '○', word: 'Silent', tone: '' }
                      }
                    />
                  </td>
                  <td data-label="Port" className="num">
                    {item.port}
                  </td>
                  <td data-label="Name" className="text">
                    {item.name ?? <span className="dim">not declared</span>}
                    {item.label && <span className="soft"> {item.label}</span>}
                  </td>
                  <td data-label="Program" className="mono">
                    {item.process ?? <span className="dim">unknown</span>}
                  </td>
                  <td className="actions">
                    <button
                      type="button"
                      className="button small"
                      disabled={!item.listening || open.isPending}
                      onClick={() => open.mutate(item.port)}
                    >
                      <ExternalLink className="icon" aria-hidden />
                      Open
                    </button>
                    {item.name ? (
                      <button
                        type="button"
                        className="button small"
                        disabled={declare.isPending}
                        onClick={() => declare.mutate(declared.filter(({ port }) => port !== item.port))}
                      >
                        Undeclare
                      </button>
                    ) : (
                      <button
                        type="button"
                        className="button small"
                        onClick={() => {
                          setPort(String(item.port))
                          document.getElementById('port-name')?.focus()
                        }}
                      >
                        Declare
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </DataTable>
          )}
        </Loaded>
      </Section>
      <form
        className="inline-form"
        onSubmit={event => {
          event.preventDefault()
          declare.mutate([
            ...declared.filter(other => other.port !== Number(port)),
            { name: name.trim(), port: Number(port) },
          ])
        }}
      >
        <Field label="Name">
          <input
            id="port-name"
            className="input"
            required
            value={name}
            placeholder="web"
            onChange={event => setName(event.target.value)}
          />
        </Field>
        <Field label="Port">
          <input
            className="input"
            type="number"
            min={1}
            max={65535}
            required
            value={port}
            placeholder="8080"
            onChange={event => setPort(event.target.value)}
          />
        </Field>
        <button type="submit" className="button" disabled={declare.isPending}>
          Declare a port
        </button>
      </form>
    </>
  )
}
