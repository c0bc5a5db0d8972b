import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from '@playwright/test'
import { ready } from './test'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Axe {
  run(): Promise<{ violations: { id: string; nodes: { target: unknown; failureSummary?: string }[] }[] }>
}

/** What axe finds on a page. */
export async function violations(page: Page) {
  await page.evaluate(axe)
  const found = await page.evaluate(() => (window as unknown as { axe: Axe }).axe.run())
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${JSON.stringify(target)} ${failureSummary}`),
  )
}

/** Controls that nobody can reach: outside of the view though nothing scrolls there, or too small to hit. */
export async function unreachable(page: Page) {
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
export async function faults(page: Page, url: string, places: string[]) {
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
