import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Download, File, FileSymlink, Folder, FolderPlus, Upload } from 'lucide-react'
import { type DragEvent, useRef, useState } from 'react'
import { api, call } from '../api/client'
import type { FileEntry } from '../api/schema'
import { useKeys } from '../shell/keys'
import { useAction } from '../ui/action'
import { ConfirmButton } from '../ui/Confirm'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { bytes, moment } from '../ui/format'
import { Menu, MenuItem } from '../ui/Menu'
import { useRowKeys } from '../ui/rowKeys'
import { Empty, Failed, Loading } from '../ui/states'
import { FilePreview } from './FilePreview'
import './files.css'
import { archiveUrl, contentUrl, directory, join, parent } from './queries'
import { Uploads, useUploads } from './Uploads'

/** The files of a workspace. Where one is, and what is shown, is in the address. */
export function Files(props: { workspace: string }) {
  const { workspace } = props
  const { path = '', file } = useSearch({ from: '/workspaces/$id' })
  const navigate = useNavigate({ from: '/workspaces/$id' })
  const query = useInfiniteQuery(directory(workspace, path))
  const queries = useQueryClient()
  const renew = () => void queries.invalidateQueries({ queryKey: ['files', workspace] })
  const uploads = useUploads(workspace, renew)
  const picker = useRef<HTMLInputElement>(null)
  const [over, setOver] = useState(false)
  const [naming, setNaming] = useState<{ entry?: FileEntry }>()
  const rows = useRowKeys()
  const go = (path: string) =>
    void navigate({ search: { tab: 'files', path: path || undefined, file: undefined } })
  useKeys({ parent: () => path && go(parent(path)) })
  const remove = useAction({
    run: ({ path, kind }: FileEntry) =>
      call(
        api.DELETE('/api/v1/workspaces/{id}/files', {
          params: { path: { id: workspace }, query: { path, recursive: kind === 'directory' } },
        }),
      ),
    stale: [['files', workspace]],
  })
  const items = query.data?.pages.flatMap(page => page.items) ?? []
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    uploads.add(path, [...event.dataTransfer.files])
  }
  return (
    <section
      className={over ? 'files over' : 'files'}
      aria-label="Files"
      onDragOver={event => {
        if (!event.dataTransfer.types.includes('Files')) return
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={event => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false)
      }}
      onDrop={drop}
    >
      <div className="row wrap">
        <Crumbs path={path} onGo={go} />
        <div className="row wrap section-head">
          <input
            ref={picker}
            type="file"
            multiple
            hidden
            onChange={event => {
              uploads.add(path, [...(event.target.files ?? [])])
              event.target.value = ''
            }}
          />
          <button type="button" className="button small" onClick={() => picker.current?.click()}>
            <Upload className="icon" aria-hidden />
            Upload
          </button>
          <button type="button" className="button small" onClick={() => setNaming({})}>
            <FolderPlus className="icon" aria-hidden />
            New folder
          </button>
          <a className="button small" href={archiveUrl(workspace, path)} download>
            <Download className="icon" aria-hidden />
            Download all
          </a>
        </div>
      </div>
      <Uploads state={uploads} />
      {query.error && <Failed error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && !query.error && <Loading rows={6} />}
      <div className={file ? 'files-split with-file' : 'files-split'}>
        {query.data && items.length === 0 ? (
          <Empty title="Empty folder">
            <p>Drop files here, or let a mission make some.</p>
          </Empty>
        ) : (
          <div ref={rows} className="file-list">
            <ul aria-label={path ? `Files in ${path}` : 'Files'}>
              {items.map(entry => (
                <li key={entry.path} className={entry.path === file ? 'file-row now' : 'file-row'}>
                  <button
                    type="button"
                    className="file-name"
                    data-row
                    onClick={() =>
                      entry.kind === 'directory'
                        ? go(entry.path)
                        : void navigate({
                            search: { tab: 'files', path: path || undefined, file: entry.path },
                          })
                    }
                  >
                    <Glyph entry={entry} />
                    <span className="cut">{entry.name}</span>
                    {entry.link_target && <span className="dim cut">→ {entry.link_target}</span>}
                  </button>
                  <span className="dim num file-size">{entry.kind === 'file' ? bytes(entry.size) : ''}</span>
                  <span className="dim file-when">{moment(entry.modified)}</span>
                  <Menu
                    className="button bare small"
                    label={
                      <>
                        ⋯<span className="hidden"> What to do with {entry.name}</span>
                      </>
                    }
                  >
                    {entry.kind !== 'other' && (
                      <MenuItem
                        onChoose={() =>
                          location.assign(
                            entry.kind === 'directory'
                              ? archiveUrl(workspace, entry.path)
                              : contentUrl(workspace, entry.path),
                          )
                        }
                      >
                        Download
                      </MenuItem>
                    )}
                    <MenuItem onChoose={() => setNaming({ entry })}>Rename or move</MenuItem>
                  </Menu>
                  <ConfirmButton
                    className="button bare small danger"
                    label={
                      <>
                        ✕<span className="hidden"> Delete {entry.name}</span>
                      </>
                    }
                    title={`Delete ${entry.name}`}
                    confirm="Delete"
                    onConfirm={() => remove.mutate(entry)}
                  >
                    <p>
                      {entry.kind === 'directory'
                        ? 'It is deleted with all that is in it.'
                        : 'It is gone then: there is no bin.'}
                    </p>
                  </ConfirmButton>
                </li>
              ))}
            </ul>
            {query.hasNextPage && (
              <button
                type="button"
                className="button small"
                disabled={query.isFetchingNextPage}
                onClick={() => void query.fetchNextPage()}
              >
                Show more
              </button>
            )}
          </div>
        )}
        {file && (
          <FilePreview
            workspace={workspace}
            path={file}
            onClose={() => void navigate({ search: before => ({ ...before, file: undefined }) })}
          />
        )}
      </div>
      {naming && (
        <NameDialog
          workspace={workspace}
          directory={path}
          entry={naming.entry}
          onClose={() => setNaming(undefined)}
        />
      )}
    </section>
  )
}

function Glyph(props: { entry: FileEntry }) {
  const { kind } = props.entry
  const Icon = kind === 'directory' ? Folder : kind === 'symlink' ? FileSymlink : File
  const word = kind === 'directory' ? 'Folder' : kind === 'symlink' ? 'Link' : 'File'
  return <Icon className="icon" role="img" aria-label={word} />
}

function Crumbs(props: { path: string; onGo: (path: string) => void }) {
  const parts = props.path ? props.path.split('/') : []
  return (
    <nav aria-label="Folder" className="crumbs">
      <button type="button" className="button bare small" onClick={() => props.onGo('')}>
        workspace
      </button>
      {parts.map((part, index) => (
        <span key={index} className="row">
          <span className="dim" aria-hidden>
            /
          </span>
          <button
            type="button"
            className="button bare small"
            aria-current={index === parts.length - 1 ? 'location' : undefined}
            onClick={() => props.onGo(parts.slice(0, index + 1).join('/'))}
          >
            {part}
          </button>
        </span>
      ))}
    </nav>
  )
}

function NameDialog(props: {
  workspace: string
  directory: string
  entry: FileEntry | undefined
  onClose: () => void
}) {
  const { workspace, entry } = props
  const [name, setName] = useState(entry?.path ?? '')
  const act = useAction({
    run: () =>
      entry
        ? call(
            api.POST('/api/v1/workspaces/{id}/files/move', {
              params: { path: { id: workspace } },
              body: { from: entry.path, to: name },
            }),
          )
        : call(
            api.POST('/api/v1/workspaces/{id}/files/directories', {
              params: { path: { id: workspace } },
              body: { path: join(props.directory, name), parents: true },
            }),
          ),
    stale: [['files', workspace]],
    after: props.onClose,
  })
  return (
    <Dialog title={entry ? `Move ${entry.name}` : 'New folder'} onClose={props.onClose}>
      <form
        className="dialog-body"
        onSubmit={event => {
          event.preventDefault()
          if (name.trim()) act.mutate()
        }}
      >
        <Field label={entry ? 'Its path from the workspace’s files' : 'Name'}>
          <input
            className="input mono"
            autoFocus
            required
            spellCheck={false}
            value={name}
            onChange={event => setName(event.target.value)}
          />
        </Field>
        <div className="dialog-foot">
          <button type="submit" className="button primary" disabled={act.isPending}>
            {entry ? 'Move' : 'Make it'}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
