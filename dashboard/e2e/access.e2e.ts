import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from '@playwright/test'
import { expect, ready, test } from './test'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Axe {
  run(): Promise<{ violations: { id: string; nodes: { target: unknown; failureSummary?: string }[] }[] }>
}

async function violations(page: Page) {
  await page.evaluate(axe)
  const found = await page.evaluate(() => (window as unknown as { axe: Axe }).axe.run())
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${JSON.stringify(target)} ${failureSummary}`),
  )
}

/** Controls that nobody can reach: outside of the view though nothing scrolls there, or too small to hit. */
async function unreachable(page: Page) {
  return page.evaluate(() => {
    const scrolls = (element: Element | null): boolean => {
      for (let at = element; at; at = at.parentElement) {
        const { overflowX, overflowY } = getComputedStyle(at)
        if (/auto|scroll/.test(overflowX + overflowY)) return true
      }
      return false
    }
    const bad: string[] = []
    for (const control of document.querySelectorAll('button, a[href], input, select, textarea')) {
      const box = control.getBoundingClientRect()
      if (box.width === 0 || control.closest('[popover]:not(:popover-open), .skip')) continue
      const name = control.getAttribute('aria-label') ?? control.textContent ?? ''
      const outside =
        box.left < -1 || box.right > innerWidth + 1 || (box.bottom > innerHeight + 1 && !scrolls(control))
      if (outside && !(scrolls(control) && box.left >= -1 && box.right <= innerWidth + 1))
        bad.push(`outside: ${name}`)
      const inText = control.matches('a') && control.closest('p, .entry') !== null
      const label = control.closest('label')?.getBoundingClientRect()
      const height = Math.max(box.height, label?.height ?? 0)
      if (!inText && height < 23.5 && !control.matches('[type=checkbox], [type=radio]'))
        bad.push(`small: ${name} ${height}`)
    }
    return bad
  })
}

/** What is wrong with pages, in both themes and on a phone. */
async function faults(page: Page, url: string, places: string[]) {
  const found: string[] = []
  for (const theme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme: theme })
    for (const place of places) {
      await page.goto(url + place)
      await ready(page)
      for (const one of await violations(page)) found.push(`${theme} ${place} ${one}`)
      for (const one of await unreachable(page)) found.push(`${theme} ${place} ${one}`)
    }
  }
  await page.setViewportSize({ width: 360, height: 740 })
  for (const place of places) {
    await page.goto(url + place)
    await ready(page)
    for (const one of await unreachable(page)) found.push(`phone ${place} ${one}`)
    const wide = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    )
    if (wide > 0) found.push(`phone ${place} is ${wide} px too wide`)
  }
  return found
}

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
