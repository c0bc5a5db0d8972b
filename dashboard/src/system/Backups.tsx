import { api, call } from '../api/client'
import type { Backup } from '../api/schema'
import { useMay } from '../me'
import { useAction } from '../ui/action'
import { Section } from '../ui/Section'
import { Snippet } from '../ui/Snippet'

/** A copy of the database, made while the server goes on. */
export function Backups() {
  const admin = useMay('admin')
  const make = useAction({
    run: () => call(api.POST('/api/v1/backup', { body: {} })) as Promise<Backup>,
    done: 'The backup is made.',
  })
  return (
    <Section
      title="Backup"
      about="A copy of the database goes into the directory backups of the data directory. It holds missions, users and the sealed secrets, and neither the files of workspaces nor the vault’s key."
    >
      <div>
        <button
          type="button"
          className="button"
          disabled={!admin || make.isPending}
          title={admin ? undefined : 'Needs a login that may administer'}
          onClick={() => make.mutate()}
        >
          {make.isPending ? 'Copying…' : 'Make a backup'}
        </button>
      </div>
      {make.data && (
        <>
          <p role="status">
            It is in the data directory at <code>{make.data.path}</code>.
          </p>
          <p className="soft">To put it in the place of the database, stop the server and run:</p>
          <Snippet text={`sandboxed-sh restore ${make.data.path}`} label="Command that restores the backup" />
        </>
      )}
    </Section>
  )
}
