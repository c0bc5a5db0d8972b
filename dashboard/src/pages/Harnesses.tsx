import { useSearch } from '@tanstack/react-router'
import { HarnessMatrix } from '../harnesses/HarnessMatrix'
import { AccountList } from '../providers/AccountList'
import { ModelList } from '../providers/ModelList'
import { Page } from '../ui/states'
import { Tabs } from '../ui/Tabs'
import '../harnesses/harnesses.css'

const TABS = [
  { id: 'agents', title: 'Agents' },
  { id: 'accounts', title: 'Accounts' },
  { id: 'models', title: 'Models' },
] as const

/** What missions think with: agents, accounts at providers, models. */
export function Harnesses() {
  const { tab = 'agents' } = useSearch({ from: '/harnesses' })
  return (
    <Page title="Agents" ready>
      <Tabs label="Kinds" now={tab} tabs={TABS} />
      {tab === 'agents' && <HarnessMatrix />}
      {tab === 'accounts' && <AccountList />}
      {tab === 'models' && <ModelList />}
    </Page>
  )
}
