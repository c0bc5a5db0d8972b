import { test as base, expect, type Page } from '@playwright/test'
import { PASSWORD, Server } from './server'

/** Tests with a server of the worker's own, and a page that is signed in. What the page complains of fails the test. */
export const test = base.extend<{ page: Page; signedIn: Page }, { server: Server }>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads what is needed from the pattern
    async ({}, use) => {
      const server = new Server()
      await server.start()
      await use(server)
      await server.remove()
    },
    { scope: 'worker', timeout: 180_000 },
  ],
  page: async ({ page }, use) => {
    const complaints: string[] = []
    page.on('pageerror', error => complaints.push(String(error)))
    page.on('console', message => {
      if (/Content Security Policy|Refused to|Warning:/.test(message.text())) complaints.push(message.text())
    })
    await use(page)
    expect(complaints, 'the page complained').toEqual([])
  },
  signedIn: async ({ page, server }, use) => {
    const response = await page.context().request.post(`${server.url}/api/v1/auth/login`, {
      data: { name: 'admin', password: PASSWORD },
    })
    expect(response.status()).toBe(200)
    await use(page)
  },
})

export { expect }

/** Waits until a page has its first data. */
export async function ready(page: Page) {
  await page.locator('main[data-ready]').waitFor()
}
