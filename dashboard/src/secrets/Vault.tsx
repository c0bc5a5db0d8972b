import { useQuery } from '@tanstack/react-query'
import { api, call } from '../api/client'
import type { VaultStatus } from '../api/schema'
import { useMay } from '../me'
import { useAction } from '../ui/action'
import { ConfirmButton } from '../ui/Confirm'
import { Facts } from '../ui/Facts'
import { counted } from '../ui/format'
import { Loaded } from '../ui/Loaded'
import { Section } from '../ui/Section'
import { vault } from './queries'

const KEYS: Record<VaultStatus['key'], string> = {
  file: 'in a file of the data directory',
  variable: 'in a variable of the server',
  passphrase: 'made from a passphrase',
}

/** How the vault stands that the values are in. */
export function Vault() {
  const query = useQuery(vault)
  const admin = useMay('admin')
  const rotate = useAction({
    run: () => call(api.POST('/api/v1/vault/rotate-key')),
    done: 'The vault has a new key.',
    stale: [vault.queryKey],
  })
  return (
    <Section
      title="The vault"
      head={
        query.data?.key === 'file' && (
          <ConfirmButton
            label="Replace its key"
            title="Replace the vault’s key"
            confirm="Replace"
            className="button small"
            disabled={!admin || rotate.isPending}
            onConfirm={() => rotate.mutate()}
          >
            <p>All values are sealed anew. A backup of the database from before needs the key from before.</p>
          </ConfirmButton>
        )
      }
    >
      <Loaded query={query} rows={1}>
        {({ key, key_id, to_reseal }) => (
          <Facts
            of={[
              ['Master key', KEYS[key]],
              ['Key id', <code key="id">{key_id}</code>],
              ['Still to do', to_reseal > 0 ? `${counted(to_reseal, 'value')} to be sealed anew` : undefined],
            ]}
          />
        )}
      </Loaded>
    </Section>
  )
}
