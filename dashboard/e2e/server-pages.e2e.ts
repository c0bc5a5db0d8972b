import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { expect, ready, test } from './test'

/** Makes a workspace as a person does, and stays on its page. */
async function makeWorkspace(page: Page, url: string, name: string) {
  await page.goto(`${url}/workspaces/new`)
  await ready(page)
  await page.getByLabel('Name', { exact: true }).fill(name)
  await page.getByRole('button', { name: 'Make the workspace' }).click()
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
}

test('a workspace is made from a template, its build is followed, and it is brought to the next version', async ({
  signedIn: page,
  server,
}) => {
  await page.goto(`${server.url}/templates/new`)
  await ready(page)
  await page.getByLabel('Name', { exact: true }).fill('kit')
  await page.getByText('Init steps').click()
  await page.getByRole('button', { name: 'Add step' }).click()
  await page.getByLabel('Name of step 1').fill('Greet')
  await page.getByLabel('Script of step 1').fill('echo hello from the build')
  await page.getByRole('button', { name: 'Make the template' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Template kit' })).toBeVisible()

  await page.getByRole('link', { name: 'New workspace from it' }).click()
  await page.getByLabel('Name', { exact: true }).fill('from-kit')
  await page.getByRole('button', { name: 'Make the workspace' }).click()
  await expect(page).toHaveURL(/tab=build/)
  await expect(page.locator('.page-head .state')).toHaveText(/Ready/)
  await page.getByRole('button', { name: 'Show the log' }).click()
  await expect(page.getByRole('log')).toContainText('hello from the build')

  await page.goto(`${server.url}/templates/kit`)
  await ready(page)
  await page.getByLabel('Script of step 1').fill('echo the second greeting')
  await page.getByRole('button', { name: 'Save as a new version' }).click()
  await expect(page.getByLabel('Version', { exact: true })).toHaveValue('2')

  await page.goto(`${server.url}/workspaces?q=from-kit`)
  await page.getByRole('link', { name: 'from-kit' }).click()
  await page.getByRole('button', { name: 'Bring it to version 2' }).click()
  const dialog = page.getByRole('dialog')
  await expect(dialog).toContainText('the second greeting')
  await dialog.getByRole('button', { name: 'Do it' }).click()
  await expect(page).toHaveURL(/tab=build/)
  await expect(page.locator('.build').first().locator('.state').first()).toHaveText(/Done/)
  await page.getByRole('link', { name: 'Overview' }).click()
  await expect(page.getByText('version 2, as it is')).toBeVisible()
})

test('files go in, are looked at, moved and deleted', async ({ signedIn: page, server }) => {
  await makeWorkspace(page, server.url, 'files')
  await page.getByRole('link', { name: 'Files' }).click()
  await expect(page.getByRole('heading', { name: 'Empty folder' })).toBeVisible()
  const local = join(mkdtempSync(join(tmpdir(), 'upload-')), 'note.txt')
  // More than one part, so that the end is only right when all parts are.
  writeFileSync(local, `the beginning\n${'x'.repeat(5 << 20)}`)
  await page.locator('input[type=file]').setInputFiles(local)
  await page
    .getByRole('button', { name: /note\.txt/ })
    .first()
    .click()
  await expect(page).toHaveURL(/file=note\.txt/)
  const preview = page.getByRole('region', { name: 'Preview of note.txt' })
  await expect(preview).toContainText('the beginning')
  await expect(preview).toContainText('5.2 MB')

  await page.getByRole('button', { name: 'New folder' }).click()
  await page.getByLabel('Name', { exact: true }).fill('kept')
  await page.getByRole('button', { name: 'Make it' }).click()
  await page.getByRole('button', { name: 'What to do with note.txt' }).click()
  await page.getByRole('menuitem', { name: 'Rename or move' }).click()
  await page.getByLabel(/Its path/).fill('kept/note.txt')
  await page.getByRole('button', { name: 'Move', exact: true }).click()
  await page.getByRole('button', { name: /kept/ }).first().click()
  await expect(page).toHaveURL(/path=kept/)
  await page.getByRole('button', { name: 'Delete note.txt' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'Empty folder' })).toBeVisible()
})

test('a shell is typed into, survives a reload and a crash of the server, and is ended', async ({
  signedIn: page,
  server,
}) => {
  await makeWorkspace(page, server.url, 'shells')
  await page.getByRole('link', { name: 'Terminal' }).click()
  const screen = page.locator('.terminal-screen')
  const open = page.locator('.terminal-screen[data-state=open]')
  await open.waitFor()
  await page.keyboard.type('echo $((6 * 7))-is-it\n')
  await expect(screen).toContainText('42-is-it')
  await page.reload()
  await open.waitFor()
  await expect(screen).toContainText('42-is-it')

  await server.crash()
  await expect(page.getByText('Connection lost: what is typed does not arrive.')).toBeVisible()
  await server.start()
  await open.waitFor()
  await screen.click()
  await page.keyboard.type('echo $((7 * 7))-after\n')
  await expect(screen).toContainText('49-after')

  await page.getByRole('button', { name: 'End', exact: true }).click()
  await page.getByRole('button', { name: 'End it' }).click()
  await expect(page.getByRole('heading', { name: 'No shell is open' })).toBeVisible()
})

test('a command is run in the background, and its output is followed', async ({ signedIn: page, server }) => {
  await makeWorkspace(page, server.url, 'processes')
  await page.getByRole('link', { name: 'Processes' }).click()
  await page
    .getByLabel('Run a command in the background')
    .fill('echo one; while [ ! -e /workspace/go ]; do sleep 0.1; done')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await expect(page.getByRole('log')).toContainText('one')
  const row = page.getByRole('row', { name: /echo one/ })
  await expect(row.locator('.state')).toHaveText(/Running/)
  await row.getByRole('button', { name: 'Signal' }).click()
  await page.getByRole('menuitem', { name: 'Kill (9)' }).click()
  await expect(row.locator('.state')).toHaveText(/signal 9/)
})

test('a snapshot is taken, and a new workspace begins with it', async ({ signedIn: page, server }) => {
  await makeWorkspace(page, server.url, 'origin')
  await page.getByRole('link', { name: 'Snapshots' }).click()
  await page.getByLabel('Keep it as it is now').fill('before the upgrade')
  await page.getByRole('button', { name: 'Take a snapshot' }).click()
  const row = page.getByRole('row', { name: /before the upgrade/ })
  await row.getByRole('button', { name: 'New workspace from it' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'origin' })).toBeHidden()
  await expect(page.locator('.page-head .state')).toHaveText(/Ready/)
  for (const name of [/./, 'origin']) {
    if (name === 'origin') await page.getByRole('link', { name }).click()
    await page.locator('.page-head').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('button', { name: 'Delete with its files' }).click()
    await expect(page.getByRole('heading', { level: 1, name: 'Workspaces' })).toBeVisible()
  }
  await expect(page.getByRole('link', { name: 'origin' })).toBeHidden()
})

test('a secret goes in and is nowhere to be seen again', async ({ signedIn: page, server }) => {
  const value = 'a-value-that-nobody-sees'
  const answers: string[] = []
  page.on('response', async response => {
    if (response.url().includes('/api/')) answers.push(await response.text().catch(() => ''))
  })
  await page.goto(`${server.url}/secrets`)
  await ready(page)
  await page.getByRole('button', { name: 'New secret' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name', { exact: true }).fill('DEPLOY_TOKEN')
  await dialog.getByLabel('Value', { exact: true }).fill(value)
  await dialog.getByRole('button', { name: 'Keep it' }).click()
  await expect(page.getByRole('row', { name: /DEPLOY_TOKEN/ })).toContainText('workspaces')
  await page.reload()
  await ready(page)
  await page.getByRole('button', { name: 'DEPLOY_TOKEN' }).click()
  await expect(page.getByRole('heading', { name: 'Who used DEPLOY_TOKEN' })).toBeVisible()
  expect(await page.content()).not.toContain(value)
  expect(answers.join('\n')).not.toContain(value)
})

test('a plugin shows what it asked for and was given, and is loaded anew', async ({
  signedIn: page,
  server,
}) => {
  await page.goto(`${server.url}/plugins`)
  await ready(page)
  await page.getByRole('link', { name: 'bubblewrap' }).click()
  const grants = page.getByRole('region', { name: 'Grants, table' })
  await expect(grants.getByRole('row', { name: /Run these programs/ })).toContainText('bwrap')
  await expect(grants.getByRole('row', { name: /Run these programs/ })).toContainText('Granted')
  await page.getByRole('button', { name: 'Load anew' }).click()
  await expect(page.getByText('bubblewrap is loaded anew.')).toBeVisible()
})

test('a version on trial is kept, and gone back from', async ({ signedIn: page, server }) => {
  await page.goto(`${server.url}/plugins/talking`)
  await ready(page)
  server.build(1)
  const trial = page.getByRole('region', { name: 'On trial' })
  await expect(trial).toContainText('Traps')
  await page.getByRole('button', { name: 'Keep this version' }).click()
  await expect(trial).toBeHidden()
  await page.getByRole('button', { name: 'Roll back' }).click()
  await expect(page.getByText('was rolled back to')).toBeVisible()
  await expect(page.getByText('Degraded')).toBeVisible()
  await page.getByRole('button', { name: 'Load anew' }).click()
  await expect(trial).toBeVisible()
})

test('an account is added with a key, which stays on the server, and the order is changed', async ({
  signedIn: page,
  server,
}) => {
  await page.goto(`${server.url}/harnesses?tab=accounts`)
  await ready(page)
  for (const name of ['first', 'second']) {
    await page.getByRole('button', { name: 'Add an account' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Provider').selectOption('openai-compatible')
    await dialog.getByLabel('Name', { exact: true }).fill(name)
    await dialog.getByLabel('Key', { exact: true }).fill('sk-not-a-key-at-all')
    // Nothing listens there: the account is kept, and its test says what is wrong.
    await dialog.getByLabel('Where it is').fill('http://127.0.0.1:9')
    await dialog.getByRole('button', { name: 'Save and test' }).click()
    await expect(page.getByRole('row', { name: new RegExp(name) })).toBeVisible()
  }
  const rows = page.getByRole('region', { name: 'Accounts, table' }).locator('tbody tr')
  await page.getByRole('button', { name: 'Use second earlier' }).click()
  await expect(rows.first()).toContainText('second')
  expect(await page.content()).not.toContain('sk-not-a-key-at-all')
})

test('an agent is tried out, and its page and the list of agents say that it works', async ({
  signedIn: page,
  server,
}) => {
  await page.goto(`${server.url}/harnesses/shell`)
  await ready(page)
  await expect(page.getByText('It was not tried out yet.')).toBeVisible()
  await page.getByRole('button', { name: 'Try it out' }).click()
  await expect(page.getByText('Works', { exact: true })).toBeVisible()
  await page.goto(`${server.url}/harnesses`)
  await expect(page.getByRole('row', { name: /shell/ })).toContainText('Works')
  await page.goto(`${server.url}/harnesses/shell`)
  await page.getByRole('link', { name: 'Its mission' }).click()
  await expect(page.getByRole('heading', { name: 'Test of shell' })).toBeVisible()
})

test('a budget is set, and the time that is shown is in the address', async ({ signedIn: page, server }) => {
  await page.goto(`${server.url}/usage`)
  await ready(page)
  await page.getByRole('button', { name: '30 days' }).click()
  await expect(page).toHaveURL(/from=\d{4}-\d{2}-\d{2}/)
  await page.reload()
  await ready(page)
  await expect(page.getByRole('button', { name: '30 days' })).toHaveAttribute('aria-pressed', 'true')
  await page.getByLabel('Dollars').fill('12.5')
  await page.getByRole('button', { name: 'Set the budget' }).click()
  await expect(page.getByRole('row', { name: /server/ })).toContainText('$12.50')
})

test('a token is shown once and then revoked, and the audit log has both', async ({
  signedIn: page,
  server,
}) => {
  await page.goto(`${server.url}/system?tab=tokens`)
  await ready(page)
  await page.getByLabel('What it is for').fill('nightly')
  await page.getByRole('button', { name: 'Make a token' }).click()
  await expect(page.getByRole('dialog')).toContainText(/sbx_[\w-]+/)
  await page.getByRole('button', { name: 'I have it' }).click()
  const row = page.getByRole('row', { name: /nightly/ })
  await row.getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click()
  await expect(row).toBeHidden()
  await page.getByRole('link', { name: 'Audit log' }).click()
  await expect(page.getByText('DELETE /api/v1/tokens/{id}')).toBeVisible()
  await expect(page.getByText('POST /api/v1/tokens', { exact: true })).toBeVisible()
})

test('what is chosen in the settings holds before the first paint of the next visit', async ({
  signedIn: page,
  server,
}) => {
  await page.goto(`${server.url}/settings`)
  await ready(page)
  await page.getByLabel('Light', { exact: true }).check()
  await page.getByLabel(/^Compact/).check()
  await page.getByLabel('Do nothing').check()
  await page.goto(`${server.url}/plugins`)
  const root = page.locator('html')
  await expect(root).toHaveAttribute('data-theme', 'light')
  await expect(root).toHaveAttribute('data-density', 'compact')
  await ready(page)
  await page.keyboard.press('?')
  await expect(page.getByRole('dialog')).toBeHidden()
  await page.keyboard.press('Control+k')
  await expect(page.getByRole('dialog')).toBeVisible()
})
