import type { Page } from '@playwright/test'
import { violations } from './faults'
import { expect, ready, test } from './test'

/** A picture of one pixel. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** An agent that says what the first file of its message is. */
const READS = `echo '{"attachment": 0}'; read -r line; echo "got $line"`

/** Puts a file into the page as a person would who pastes or drops it. */
async function give(page: Page, how: 'paste' | 'drop', name: string, text: string) {
  await page.getByLabel('Message').evaluate(
    (box, { how, name, text }) => {
      const data = new DataTransfer()
      data.items.add(new File([text], name, { type: 'text/plain' }))
      const init = { bubbles: true, cancelable: true }
      box.dispatchEvent(
        how === 'paste'
          ? new ClipboardEvent('paste', { ...init, clipboardData: data })
          : new DragEvent('drop', { ...init, dataTransfer: data }),
      )
    },
    { how, name, text },
  )
}

test('files come by choice, paste and drop, survive a reload, are taken out, and go with the message', async ({
  signedIn: page,
  server,
}) => {
  const id = await server.mission({ harness: 'talking', prompt: 'echo hello' })
  await expect.poll(async () => (await server.get(id)).state).toBe('awaiting_user')
  await page.goto(`${server.url}/missions/${id}`)
  await ready(page)
  await page
    .locator('input[type=file]')
    .setInputFiles({ name: 'dot.png', mimeType: 'image/png', buffer: PIXEL })
  await give(page, 'paste', 'pasted.log', 'one')
  await give(page, 'drop', 'dropped.txt', 'two')
  const files = page.getByRole('list', { name: 'Files that come along' }).getByRole('listitem')
  await expect(files).toHaveCount(3)
  await page.getByLabel('Message').fill(READS)
  await page.reload()
  await ready(page)
  await expect(files).toHaveCount(3)
  await expect(files.nth(0)).toContainText('dot.png')
  await page.getByRole('button', { name: 'Take out pasted.log' }).click()
  await expect(files).toHaveCount(2)
  await page.getByRole('button', { name: /^Send/ }).click()
  await expect(files).toHaveCount(0)
  await expect(page.getByRole('region', { name: 'Transcript' })).toContainText(
    `got attachment 0 ${PIXEL.toString('base64')}`,
  )
})

test('a new mission begins with files', async ({ signedIn: page, server }) => {
  await page.goto(`${server.url}/new?harness=talking`)
  await ready(page)
  await page
    .locator('input[type=file]')
    .setInputFiles({ name: 'dot.png', mimeType: 'image/png', buffer: PIXEL })
  await expect(page.getByRole('listitem').filter({ hasText: 'dot.png' })).toContainText('70 B')
  await page.getByLabel('What is to be done?').fill(READS)
  await page.getByRole('button', { name: /^Start C/ }).click()
  await expect(page.getByRole('region', { name: 'Transcript' })).toContainText(
    `got attachment 0 ${PIXEL.toString('base64')}`,
  )
})

test('a file that is larger than the server takes says so, and the message waits until it is taken out', async ({
  signedIn: page,
  server,
}) => {
  const id = await server.mission({ harness: 'talking', prompt: 'echo hello' })
  await expect.poll(async () => (await server.get(id)).state).toBe('awaiting_user')
  await page.goto(`${server.url}/missions/${id}`)
  await ready(page)
  await page.getByLabel('Message').evaluate((box, size) => {
    const data = new DataTransfer()
    data.items.add(new File([new Uint8Array(size)], 'a.bin'))
    box.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData: data }))
  }, 21 << 20)
  await page.getByLabel('Message').fill('echo without')
  const files = page.getByRole('list', { name: 'Files that come along' })
  await expect(files.locator('.problem-line')).toContainText(/MiB|large|limit/)
  await expect(page.getByRole('button', { name: /^Send/ })).toBeDisabled()
  await page.getByRole('button', { name: 'Take out a.bin' }).click()
  await page.getByRole('button', { name: /^Send/ }).click()
  await expect(page.getByRole('region', { name: 'Transcript' })).toContainText('echo without')
})

test('@ names files of the workspace, and / changes how the next turn works', async ({
  signedIn: page,
  server,
}) => {
  const workspace = await server.workspace('to-be-named')
  const id = await server.mission({
    harness: 'talking',
    workspace,
    prompt: 'mkdir -p src/deep; echo x > src/deep/found.rs; echo x > src/other.rs',
  })
  await expect.poll(async () => (await server.get(id)).state).toBe('awaiting_user')
  await page.goto(`${server.url}/missions/${id}`)
  await ready(page)
  const box = page.getByLabel('Message')
  await box.focus()
  await page.keyboard.type('look at @s')
  await expect(page.getByRole('option', { name: 'src/' })).toBeVisible()
  expect(await violations(page)).toEqual([])
  await page.keyboard.press('Enter')
  await expect(page.getByRole('option', { name: 'deep/' })).toBeVisible()
  await page.keyboard.type('dee')
  await page.keyboard.press('Tab')
  await page.getByRole('option', { name: 'found.rs' }).click()
  await expect(box).toHaveValue('look at @src/deep/found.rs ')

  await box.fill('')
  await page.keyboard.type('/model lar')
  await expect(page.getByRole('option')).toHaveCount(1)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('button', { name: /^large/ })).toBeVisible()
  await expect(box).toHaveValue('')
  await page.keyboard.type('/plan')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('button', { name: 'Plan mode' })).toBeVisible()
  await page.keyboard.type('/changes')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/panel=changes/)
})

test('what an input method is told sends nothing and chooses nothing', async ({ signedIn: page, server }) => {
  const id = await server.mission({ harness: 'talking', prompt: 'echo hello' })
  await expect.poll(async () => (await server.get(id)).state).toBe('awaiting_user')
  await page.goto(`${server.url}/missions/${id}`)
  await ready(page)
  const box = page.getByLabel('Message')
  await box.fill('/pla')
  await expect(page.getByRole('option', { name: /^\/plan/ })).toBeVisible()
  for (const composing of [{ isComposing: true }, { keyCode: 229 }])
    await box.dispatchEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...composing })
  await expect(box).toHaveValue('/pla')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('option')).toHaveCount(0)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('region', { name: 'Transcript' })).toContainText('/pla')
})
