import { Page } from '../ui/states'

export function Welcome() {
  return (
    <Page title="Welcome" ready>
      <p />
    </Page>
  )
}
