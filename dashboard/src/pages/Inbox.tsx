import { Page } from '../ui/states'

export function Inbox() {
  return (
    <Page title="Inbox" ready>
      <p />
    </Page>
  )
}
