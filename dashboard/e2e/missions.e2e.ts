import { expect, ready, test } from './test'

test('a mission is made, followed, sent a further message, cancelled and resumed', async ({
  signedIn: page,
  server,
}) => {
  await page.goto(`${server.url}/`)
  await ready(page)
  await page.keyboard.press('c')
  await expect(page.getByRole('heading', { name: 'New mission' })).toBeVisible()
  await ready(page)
  await page.getByLabel('Script').fill('echo first; while [ ! -e go ]; do sleep 0.1; done; echo over')
  await page.keyboard.press('Control+Enter')

  const transcript = page.getByRole('region', { name: 'Transcript' })
  const state = page.locator('.mission-head .state')
  await expect(state).toHaveText(/Running/)
  await expect(transcript).toContainText('first')

  await page.getByLabel('Message').fill('echo second')
  await page.getByRole('button', { name: /^Send/ }).click()
  await page.getByLabel('Message').fill('echo third')
  await page.getByRole('button', { name: /^Send/ }).click()
  const queue = page.getByRole('region', { name: 'Messages that wait' })
  await expect(queue.getByRole('listitem')).toHaveCount(2)
  await queue.getByRole('listitem').nth(1).getByRole('button', { name: 'Earlier' }).click()
  await expect(queue.getByRole('listitem').first()).toContainText('echo third')
  await queue.getByRole('listitem').nth(1).getByRole('button', { name: 'Edit' }).click()
  await queue.getByLabel('Text of the message').fill('echo changed')
  await queue.getByRole('button', { name: 'Save' }).click()
  await expect(queue.getByRole('listitem').nth(1)).toContainText('echo changed')
  await queue.getByRole('listitem').first().getByRole('button', { name: 'Take it out' }).click()
  await expect(queue.getByRole('listitem')).toHaveCount(1)

  await page.getByRole('button', { name: 'Cancel', exact: true }).click()
  await expect(state).toHaveText(/Cancelled/)
  await page.getByRole('button', { name: 'Resume' }).click()
  await expect(state).toHaveText(/Running/)
  await page.keyboard.press('Control+.')
  await expect(transcript).toContainText('Turn 2 interrupted')
  await expect(transcript).toContainText('changed')
  await expect(state).toHaveText(/Your turn/)
  await page.getByRole('button', { name: 'Finish' }).click()
  await expect(state).toHaveText(/Done/)
})

test('search and filters are in the address and survive a reload', async ({ signedIn: page, server }) => {
  await server.mission({ prompt: 'echo needle-in-hay', title: 'The one with the needle', one_shot: true })
  await server.mission({ prompt: 'echo nothing', title: 'The other one', one_shot: true })
  await page.goto(`${server.url}/`)
  await ready(page)
  await page.keyboard.press('/')
  await page.keyboard.type('needle')
  await expect(page).toHaveURL(/q=needle/)
  await expect(page.getByRole('link', { name: 'The one with the needle' })).toBeVisible()
  await expect(page.getByRole('link', { name: 'The other one' })).toBeHidden()
  await page.getByLabel('State').selectOption('finished')
  await expect(page).toHaveURL(/group=finished/)
  await page.reload()
  await ready(page)
  await expect(page.getByLabel('Search missions')).toHaveValue('needle')
  await expect(page.getByLabel('State')).toHaveValue('finished')
  await expect(page.getByRole('link', { name: 'The one with the needle' })).toBeVisible()
})

test('many missions are removed at once', async ({ signedIn: page, server }) => {
  for (const name of ['one', 'two'])
    await server.mission({ prompt: 'true', title: `Removable ${name}`, one_shot: true })
  await page.goto(`${server.url}/?q=Removable&group=finished`)
  await ready(page)
  await expect(page.getByRole('link', { name: /Removable/ })).toHaveCount(2)
  await page.getByLabel('Select all: Finished').check()
  page.once('dialog', dialog => void dialog.accept())
  await page.getByRole('toolbar').getByRole('button', { name: 'Remove' }).click()
  await expect(page.getByRole('heading', { name: 'No mission is like this' })).toBeVisible()
})

test('a place in a transcript has an address, and words are found in all of it', async ({
  signedIn: page,
  server,
}) => {
  const id = await server.mission({
    prompt: 'for i in $(seq 300); do echo "line $i"; done; echo zebra',
    one_shot: true,
  })
  await expect.poll(async () => (await server.get(id)).state).toBe('done')
  await page.goto(`${server.url}/missions/${id}`)
  await ready(page)
  await page.keyboard.press('f')
  await page.getByLabel('Words in the transcript').fill('zebra')
  await page.locator('.hits button').first().click()
  await expect(page).toHaveURL(/at=\d+/)
  await page.reload()
  await ready(page)
  await expect(page.getByRole('region', { name: 'Transcript' })).toContainText('zebra')
})

test('the palette finds missions and pages, and one table tells all keys', async ({
  signedIn: page,
  server,
}) => {
  const id = await server.mission({ prompt: 'sleep 60', title: 'Findable by its name' })
  await page.goto(`${server.url}/inbox`)
  await ready(page)
  await page.keyboard.press('?')
  await expect(page.getByRole('dialog', { name: 'Keys' })).toContainText('New mission')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox').fill('findable')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(new RegExp(`/missions/${id}`))
})
