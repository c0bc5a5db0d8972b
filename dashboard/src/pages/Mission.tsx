import { Page } from '../ui/states'

export function MissionPage() {
  return (
    <Page title="Mission" ready>
      <p />
    </Page>
  )
}
