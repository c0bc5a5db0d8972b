import { Page } from '../ui/states'

export function NewMission() {
  return (
    <Page title="New mission" ready>
      <p />
    </Page>
  )
}
