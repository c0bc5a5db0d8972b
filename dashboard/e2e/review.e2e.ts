import type { Page } from '@playwright/test'
import { unreachable, violations } from './faults'
import type { Server } from './server'
import { expect, ready, test } from './test'

/** A repository with a file of many lines, and a file that a program writes. */
const REPOSITORY = [
  'git init -q .',
  'seq 200 | sed "s/^/line /" > src.txt',
  'seq 5 > package-lock.json',
  'git add -A',
  'git -c user.name=a -c user.email=a@example.org commit -qm begin',
].join('\n')

/** A mission whose first turn changed lines far from each other, and whose second changed one of them again. */
async function changed(server: Server, name: string): Promise<string> {
  const workspace = await server.workspace(name)
  const before = await server.mission({ workspace, prompt: REPOSITORY, one_shot: true })
  await expect.poll(async () => (await server.get(before)).state).toBe('done')
  const edits =
    'sed -i -e "s/^line 7$/seven/" -e "s/^line 150$/hundred and fifty/" src.txt; seq 6 > package-lock.json'
  const id = await server.mission({
    harness: 'talking',
    workspace,
    prompt: `${edits}; echo changed`,
    title: name,
  })
  await expect.poll(async () => (await server.get(id)).state).toBe('awaiting_user')
  return id
}

async function open(page: Page, server: Server, id: string, more = '') {
  await page.goto(`${server.url}/missions/${id}?panel=changes${more}`)
  await ready(page)
  return page.getByRole('grid', { name: 'Changed lines' })
}

test('changes are read by keyboard, commented on, kept over a reload, and sent to the agent as one message', async ({
  signedIn: page,
  server,
}) => {
  const id = await changed(server, 'to-be-reviewed')
  let lines = await open(page, server, id)
  await expect(lines.getByRole('row').filter({ hasText: 'seven' })).toBeVisible()
  await expect(lines.getByText('It is generated.')).toBeVisible()

  // The first change is that of line 7: both of its lines are commented on.
  await page.keyboard.press('Shift+J')
  await page.keyboard.press('Shift+J')
  await page.keyboard.press('n')
  await page.keyboard.press('x')
  await page.keyboard.press('j')
  await page.keyboard.press('r')
  await page.getByRole('textbox', { name: 'Comment on line 7 of src.txt' }).fill('Write it as a number')
  await page.keyboard.press('Control+Enter')
  await page.keyboard.press('n')
  await page.keyboard.press('r')
  await page.getByRole('textbox', { name: 'Comment on old line 150 of src.txt' }).fill('Half a thou')

  await page.reload()
  lines = page.getByRole('grid', { name: 'Changed lines' })
  const editor = page.getByRole('textbox', { name: 'Comment on old line 150 of src.txt' })
  await expect(editor).toHaveValue('Half a thou')
  await editor.fill('Why this one?')
  await page.getByRole('button', { name: /Keep the comment/ }).click()
  const first = lines.getByRole('region', { name: 'Comment on line 7 of src.txt' })
  await expect(first).toContainText('Write it as a number')
  const second = lines.getByRole('region', { name: 'Comment on old line 150 of src.txt' })
  await second.getByRole('button', { name: 'Edit' }).click()
  await editor.fill('Why this line?')
  await editor.press('Control+Enter')
  await expect(second).toContainText('Why this line?')

  expect(await violations(page)).toEqual([])
  expect(await unreachable(page)).toEqual([])
  await page.getByRole('button', { name: /Send 2 comments/ }).click()
  const transcript = page.getByRole('region', { name: 'Transcript' })
  await expect(transcript).toContainText('2 comments on your changes:')
  await expect(transcript).toContainText('1. src.txt, line 7')
  await expect(transcript).toContainText('-line 7\n+seven')
  await expect(transcript).toContainText('2. src.txt, old line 150')
  await expect(page.getByRole('button', { name: /Send \d+ comment/ })).toBeHidden()
  await page.reload()
  await ready(page)
  await expect(lines).toBeVisible()
  await expect(lines.getByText('Why this line?')).toBeHidden()
})

test('lines are pointed at, comments are removed, and folded files are opened', async ({
  signedIn: page,
  server,
}) => {
  const id = await changed(server, 'to-be-pointed-at')
  const lines = await open(page, server, id)
  const row = lines.getByRole('row').filter({ hasText: 'seven' })
  await row.getByText('7', { exact: true }).click()
  await expect(page.getByRole('textbox', { name: 'Comment on line 7 of src.txt' })).toBeFocused()
  await lines.getByRole('row').filter({ hasText: 'line 9' }).getByText('9', { exact: true }).last().click()
  await page.getByRole('textbox', { name: 'Comment on lines 7–9 of src.txt' }).fill('No')
  await page.keyboard.press('Control+Enter')
  await lines.getByRole('button', { name: 'Remove' }).click()
  await expect(page.getByRole('button', { name: /Send \d+ comment/ })).toBeHidden()
  await lines.getByRole('button', { name: /package-lock.json/ }).click()
  await expect(lines.getByRole('row').filter({ hasText: '+6' })).toBeVisible()
})

test('all of the page shows the two sides beside each other, and the address says so', async ({
  signedIn: page,
  server,
}) => {
  const id = await changed(server, 'side-by-side')
  const lines = await open(page, server, id)
  await page.getByRole('button', { name: 'All of the page' }).click()
  await expect(page).toHaveURL(/wide=true/)
  await page.getByRole('button', { name: 'Side by side' }).click()
  await expect(lines.getByRole('row').filter({ hasText: 'line 150' })).toContainText('hundred and fifty')
  await page.reload()
  await expect(lines.getByRole('row').filter({ hasText: 'line 150' })).toContainText('hundred and fifty')
  await page.getByLabel('Changes of').selectOption('Turn 1')
  await expect(page).toHaveURL(/turn=1/)
})

test('of a large change only what is looked at is on the page', async ({ signedIn: page, server }) => {
  const many = 'for f in $(seq 60); do seq 1200 > file$f.txt; done; echo done'
  const workspace = await server.workspace('large-change')
  const before = await server.mission({ workspace, prompt: REPOSITORY, one_shot: true })
  await expect.poll(async () => (await server.get(before)).state).toBe('done')
  const id = await server.mission({ harness: 'talking', workspace, prompt: many })
  await expect.poll(async () => (await server.get(id)).state).toBe('awaiting_user')
  const lines = await open(page, server, id)
  await expect(lines).toHaveAttribute('aria-rowcount', /^7\d{4}$/)
  expect(await lines.getByRole('row').count()).toBeLessThan(400)
  await page.getByText('Files', { exact: true }).click()
  await page
    .getByRole('list', { name: 'Changed files' })
    .getByRole('button', { name: /file60.txt/ })
    .click()
  await expect(lines.getByRole('row').filter({ hasText: 'file60.txt' })).toBeVisible()
  expect(await lines.getByRole('row').count()).toBeLessThan(400)
})
