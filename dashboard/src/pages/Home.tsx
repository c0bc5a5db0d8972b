import { Page } from '../ui/states'

export function Home() {
  return (
    <Page title="Missions" ready>
      <p />
    </Page>
  )
}
