import { expect, ready, test } from './test'

/** Counts until a file is there, one line each time; only whole numbers without a gap prove that nothing is missing. */
const COUNT = 'n=0; while [ ! -e stop ]; do n=$((n+1)); echo "n$n"; sleep 0.02; done; echo "last $n"'

/** The numbers of a count that the page shows. */
function numbers(text: string | null): number[] {
  return [...(text ?? '').matchAll(/n(\d+)/g)].map(match => Number(match[1]))
}

function expectWhole(all: number[]) {
  const first = all[0] ?? 0
  expect(all).toEqual(all.map((_, index) => first + index))
}

test('a reload in mid-stream shows all, and goes on', async ({ signedIn: page, server }) => {
  const id = await server.mission({ prompt: COUNT })
  await page.goto(`${server.url}/missions/${id}`)
  await expect(page.locator('.log')).toContainText(/n\d\d/)
  await page.reload()
  await ready(page)
  await page.locator('.tool-head').first().click()
  await expect(page.locator('.output')).toContainText('n90')
  const shown = numbers(await page.locator('.output').textContent())
  expect(shown[0]).toBe(1)
  expectWhole(shown)
  await server.cancel(id)
})

test('a server that is killed and started again leaves no gap, and nothing that was typed is lost', async ({
  signedIn: page,
  server,
}) => {
  const id = await server.mission({ prompt: COUNT })
  await page.goto(`${server.url}/missions/${id}`)
  await page.locator('.tool-head').first().click()
  await expect(page.locator('.output')).toContainText('n20')
  await page.getByLabel('Message').fill('typed before the crash')

  await server.crash()
  await expect(page.getByRole('alert')).toContainText('Reconnecting')
  await server.start()
  await expect(page.getByRole('alert')).toBeHidden()
  const reached = numbers(await page.locator('.output').textContent()).at(-1) ?? 0
  await expect(page.locator('.output')).toContainText(`n${reached + 20}`)
  const shown = numbers(await page.locator('.output').textContent())
  expect(shown[0]).toBe(1)
  expectWhole(shown)
  await expect(page.getByLabel('Message')).toHaveValue('typed before the crash')
  await server.cancel(id)
})

test('a reader who has scrolled up stays where they are while the mission goes on', async ({
  signedIn: page,
  server,
}) => {
  const id = await server.mission({
    harness: 'talking',
    prompt: 'n=0; while :; do n=$((n+1)); echo "row $n"; sleep 0.02; done',
  })
  await page.goto(`${server.url}/missions/${id}`)
  await expect(page.locator('.log')).toContainText(/row (8|9|1\d)\d/)
  const log = page.locator('.log')
  const fromEnd = () =>
    log.evaluate(element => element.scrollHeight - element.scrollTop - element.clientHeight)
  expect(await fromEnd(), 'the end is kept').toBeLessThan(9)

  await log.hover()
  await page.mouse.wheel(0, -900)
  const button = page.getByRole('button', { name: /Jump to live/ })
  await expect(button).toBeVisible()
  const first = () =>
    log.evaluate(element => {
      const top = element.getBoundingClientRect().top
      const row = [...element.querySelectorAll('article')].find(
        one => one.getBoundingClientRect().bottom > top,
      )
      return [row?.dataset.key, Math.round((row?.getBoundingClientRect().top ?? 0) - top)]
    })
  const before = await first()
  await expect(button).toContainText(/\d\d new/)
  expect(await first()).toEqual(before)

  await button.click()
  await expect.poll(fromEnd).toBeLessThan(9)
  await expect(button).toBeHidden()
  await server.cancel(id)
})

test('pages of one browser share a stream, so that none waits for a connection', async ({
  signedIn: page,
  server,
}) => {
  const id = await server.mission({ prompt: COUNT })
  const pages = [page]
  for (let more = 0; more < 6; more += 1) pages.push(await page.context().newPage())
  for (const one of pages) {
    await one.goto(`${server.url}/missions/${id}`)
    await ready(one)
  }
  for (const one of pages) await expect(one.locator('.log')).toContainText(/n\d\d\d/)
  await server.cancel(id)
})

test('a list of missions changes as they do', async ({ signedIn: page, server }) => {
  await page.goto(`${server.url}/?q=Changing`)
  await ready(page)
  await page.goto(`${server.url}/`)
  await ready(page)
  const id = await server.mission({ prompt: 'sleep 60', title: 'Changing before your eyes' })
  const row = page.locator(`[data-mission="${id}"]`)
  await expect(row).toContainText('Running')
  await server.cancel(id)
  await expect(row).toContainText('Cancelled')
})
