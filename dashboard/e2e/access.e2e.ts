import { faults, violations } from './faults'
import { expect, ready, test } from './test'

test('no page has a violation that axe finds, in either theme, and all controls can be reached', async ({
  signedIn: page,
  server,
}) => {
  test.setTimeout(150_000)
  const approval = { id: 'a', tool: 'bash', subject: 'git push', reason: 'it is not allowed yet' }
  const talk = [
    'echo "# Title"',
    `printf '%s\\n' '| a | b |' '**bold** \`code\` [link](https://example.com)'`,
    `echo '${JSON.stringify({ approval })}'`,
    'read -r line',
  ].join('\n')
  const asking = await server.mission({
    harness: 'talking',
    approvals: 'ask',
    prompt: talk,
    title: 'One that asks',
  })
  const changed = await server.mission({
    prompt: 'git init -q .; echo a > a.txt; ls nowhere',
    title: 'One that failed',
    one_shot: true,
  })
  await expect.poll(async () => (await server.get(asking)).state).toBe('awaiting_approval')
  await expect.poll(async () => (await server.get(changed)).state).toBe('failed')
  const places = [
    '/',
    '/?q=nothing-is-called-so',
    '/new',
    '/inbox',
    '/welcome',
    '/nowhere',
    '/missions/01a20a42-b553-7479-8a7d-9acd022c38b7',
    `/missions/${asking}`,
    ...['changes', 'usage', 'turns', 'raw'].map(panel => `/missions/${changed}?panel=${panel}`),
  ]
  expect(await faults(page, server.url, places)).toEqual([])
  await server.cancel(asking)
})

test('the sign-in has no violation', async ({ page, server }) => {
  await page.goto(server.url)
  await ready(page)
  expect(await violations(page)).toEqual([])
})

test('the pages of the server have none either, and all their controls can be reached', async ({
  signedIn: page,
  server,
}) => {
  test.setTimeout(240_000)
  await page.goto(`${server.url}/workspaces/new`)
  await ready(page)
  await page.getByLabel('Name', { exact: true }).fill('looked-at')
  await page.getByRole('button', { name: 'Make the workspace' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'looked-at' })).toBeVisible()
  const workspace = new URL(page.url()).pathname
  const places = [
    '/workspaces',
    ...['templates', 'snapshots', 'leftovers'].map(tab => `/workspaces?tab=${tab}`),
    '/workspaces/new',
    '/templates/new',
    workspace,
    ...['files', 'processes', 'ports', 'snapshots', 'network', 'build'].map(tab => `${workspace}?tab=${tab}`),
    '/harnesses',
    '/harnesses?tab=accounts',
    '/harnesses?tab=models',
    '/harnesses/shell',
    '/plugins',
    '/plugins/bubblewrap',
    '/secrets',
    '/usage',
    ...['metrics', 'audit', 'tokens', 'backup'].map(tab => `/system?tab=${tab}`),
    '/settings',
  ]
  expect(await faults(page, server.url, places)).toEqual([])
})
