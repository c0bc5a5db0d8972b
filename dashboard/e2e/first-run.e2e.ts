import { PASSWORD, Server } from './server'
import { expect, ready, test } from './test'

test('from an empty server to a finished mission, without a key', async ({ page }) => {
  const server = new Server()
  try {
    await server.start()
    await page.goto(server.url)
    await page.getByLabel('Password').fill('a wrong one')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect(page.getByRole('alert')).toContainText('auth.')

    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect(page.getByRole('heading', { name: 'No missions yet' })).toBeVisible()
    await page.getByRole('link', { name: 'Show me around' }).click()
    await page.getByRole('button', { name: 'Run the first mission' }).click()

    await expect(page.getByRole('heading', { name: 'First mission: mend a small bug' })).toBeVisible()
    await expect(page.locator('.mission-head .state')).toHaveText(/Done/)
    await expect(page.getByRole('region', { name: 'Transcript' })).toContainText('calc.py does not add')
    await expect(page.getByRole('tabpanel')).toContainText('return a + b')
  } finally {
    await server.remove()
  }
})

test('a login ends where somebody signs out, and its cookie opens nothing more', async ({ page, server }) => {
  await page.goto(`${server.url}/inbox`)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('heading', { name: 'Inbox' })).toBeVisible()
  const [cookie] = await page.context().cookies()
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' })

  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible()
  const again = await page.request.get(`${server.url}/api/v1/auth/me`, {
    headers: { cookie: `${cookie?.name}=${cookie?.value}` },
  })
  expect(again.status()).toBe(401)
})

test('a login that ends while somebody types keeps the page and the text', async ({
  signedIn: page,
  server,
}) => {
  const id = await server.mission({ prompt: 'echo hello' })
  await page.goto(`${server.url}/missions/${id}`)
  await ready(page)
  await page.getByLabel('Message').fill('half a thought')
  await page.context().clearCookies()
  // The next thing that the page asks for tells it, whether that is the message or something of its own.
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'Your login has ended' })).toBeVisible()
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('heading', { name: 'Your login has ended' })).toBeHidden()
  await expect(page.getByLabel('Message')).toHaveValue('half a thought')
})
