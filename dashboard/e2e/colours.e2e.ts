import { expect, ready, test } from './test'

test('code is coloured in changes and in files, beside the page, and stays text', async ({
  signedIn: page,
  server,
}) => {
  const code = ['fn main() {', '    let tag = "<img src=x onerror=alert(1)>"; // why', '}']
  const write = code.map(line => `printf '%s\\n' '${line}' >> main.rs`).join('\n')
  const workspace = await server.workspace('coloured')
  const before = await server.mission({ workspace, prompt: 'git init -q .', one_shot: true })
  await expect.poll(async () => (await server.get(before)).state).toBe('done')
  const id = await server.mission({
    harness: 'talking',
    workspace,
    prompt: write,
    one_shot: true,
  })
  await expect.poll(async () => (await server.get(id)).state).toBe('done')
  await page.goto(`${server.url}/missions/${id}?panel=changes`)
  await ready(page)
  const lines = page.getByRole('grid', { name: 'Changed lines' })
  await expect(lines.locator('.hl-keyword').first()).toHaveText('fn')
  await expect(lines.locator('.hl-string')).toHaveText('"<img src=x onerror=alert(1)>"')
  expect(page.workers().some(worker => worker.url().includes('highlighter'))).toBe(true)
  expect(await page.locator('img').count()).toBe(0)

  await page.goto(`${server.url}/workspaces/${workspace}?tab=files&file=main.rs`)
  await ready(page)
  await expect(page.locator('.preview-text .hl-comment')).toHaveText('// why')
})
