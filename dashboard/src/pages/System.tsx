import { queryOptions, useQuery } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { api, call } from '../api/client'
import type { Version } from '../api/schema'
import { AuditLog } from '../system/AuditLog'
import { Backups } from '../system/Backups'
import { Doctor } from '../system/Doctor'
import { Metrics } from '../system/Metrics'
import { Tokens } from '../system/Tokens'
import { Page } from '../ui/states'
import { Tabs } from '../ui/Tabs'
import '../system/system.css'

const TABS = [
  { id: 'doctor', title: 'Doctor' },
  { id: 'metrics', title: 'Metrics' },
  { id: 'audit', title: 'Audit log' },
  { id: 'tokens', title: 'API tokens' },
  { id: 'backup', title: 'Backup' },
] as const

const version = queryOptions({
  queryKey: ['version'],
  queryFn: () => call(api.GET('/api/v1/version')) as Promise<Version>,
})

/** The server and its machine. */
export function System() {
  const { tab = 'doctor' } = useSearch({ from: '/system' })
  const query = useQuery(version)
  return (
    <Page
      title="System"
      ready
      head={query.data && <span className="dim num">sandboxed.sh {query.data.version}</span>}
    >
      <Tabs label="Parts" now={tab} tabs={TABS} />
      {tab === 'doctor' && <Doctor />}
      {tab === 'metrics' && <Metrics />}
      {tab === 'audit' && <AuditLog />}
      {tab === 'tokens' && <Tokens />}
      {tab === 'backup' && <Backups />}
    </Page>
  )
}
