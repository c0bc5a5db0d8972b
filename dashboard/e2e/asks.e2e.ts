import { expect, ready, test } from './test'

const says = (said: unknown) => `echo '${JSON.stringify(said)}'`
const HEARS = 'read -r line; echo "heard: $line"'
const ask = (id: string, subject: string) => says({ approval: { id, tool: 'bash', subject } })

test('an approval is given where the agent asks, and denied from the inbox with a reason', async ({
  signedIn: page,
  server,
}) => {
  const prompt = [ask('a', 'git push origin main'), HEARS, ask('b', 'rm -rf build'), HEARS].join('\n')
  const id = await server.mission({ harness: 'talking', approvals: 'ask', prompt, title: 'It asks' })
  await page.goto(`${server.url}/missions/${id}`)
  const card = page.getByRole('region', { name: 'The agent asks' })
  await expect(card).toContainText('git push origin main')
  await expect(page).toHaveTitle(/^\(\d+\) /)
  await page.locator('.log').click()
  await page.keyboard.press('a')
  const transcript = page.getByRole('region', { name: 'Transcript' })
  await expect(transcript).toContainText('heard: decision a approved')

  await expect(card).toContainText('rm -rf build')
  await page.keyboard.press('g')
  await page.keyboard.press('i')
  await expect(page).toHaveURL(/\/inbox/)
  const row = page.getByRole('listitem').filter({ hasText: 'It asks' }).filter({ hasText: 'rm -rf build' })
  await row.getByRole('button', { name: /Deny/ }).click()
  await row.getByLabel('Why not, for the agent').fill('keep it')
  await row.getByRole('button', { name: 'Deny' }).click()
  await expect(row).toBeHidden()
  await page.goto(`${server.url}/missions/${id}`)
  await expect(transcript).toContainText('heard: decision b denied keep it')
})

test('a decision for the mission is not asked for again', async ({ signedIn: page, server }) => {
  const prompt = [ask('a', 'npm test'), HEARS, ask('b', 'npm test'), HEARS].join('\n')
  const id = await server.mission({ harness: 'talking', approvals: 'ask', prompt })
  await page.goto(`${server.url}/missions/${id}`)
  await page.getByRole('button', { name: /Allow for this mission/ }).click()
  const transcript = page.getByRole('region', { name: 'Transcript' })
  await expect(transcript).toContainText('heard: decision b approved')
  await expect(transcript).toContainText('by a rule')
})

test('a question is answered with its choices', async ({ signedIn: page, server }) => {
  const items = [
    { text: 'Which database?', choices: ['sqlite', 'postgres'] },
    { text: 'Its name?', free_text: true },
  ]
  const prompt = [says({ question: { id: 'q', items } }), HEARS].join('\n')
  const id = await server.mission({ harness: 'talking', prompt })
  await page.goto(`${server.url}/missions/${id}`)
  await page.getByLabel('sqlite').check()
  await page.getByLabel('Your own answer: Its name?').fill('events')
  await page.getByRole('button', { name: 'Answer', exact: true }).click()
  await expect(page.getByRole('region', { name: 'Transcript' })).toContainText('[["sqlite"],["events"]]')
})

test('a message steers the turn that is under way', async ({ signedIn: page, server }) => {
  const steered = `read -r line; echo "heard: $line"; set -- $line; echo "{\\"steered\\": \\"$2\\"}"`
  const id = await server.mission({ harness: 'talking', prompt: steered })
  await page.goto(`${server.url}/missions/${id}`)
  await expect(page.locator('.mission-head .state')).toHaveText(/Running/)
  await page.getByLabel('Message').fill('leave the lock file alone')
  await page.getByRole('button', { name: /^Send/ }).click()
  const transcript = page.getByRole('region', { name: 'Transcript' })
  await expect(transcript).toContainText(/heard: steer \S+ leave the lock file alone/)
})

test('how the next turns work is changed beside the message', async ({ signedIn: page, server }) => {
  const id = await server.mission({ harness: 'talking', prompt: 'echo hello' })
  await page.goto(`${server.url}/missions/${id}`)
  await ready(page)
  await page.getByRole('button', { name: /Default model/ }).click()
  await page.getByRole('menuitem', { name: 'large' }).click()
  await expect(page.getByRole('button', { name: /large/ })).toBeVisible()
  await page.getByRole('button', { name: 'Acts' }).click()
  await expect(page.getByRole('button', { name: 'Plan mode' })).toBeVisible()
  await page.getByRole('button', { name: 'Asks nothing' }).click()
  await expect(page.getByRole('button', { name: 'Asks first' })).toBeVisible()
})
