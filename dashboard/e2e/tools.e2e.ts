import { readFileSync } from 'node:fs'
import { unreachable, violations } from './faults'
import type { Server } from './server'
import { expect, ready, test } from './test'

const AGENT = readFileSync(new URL('./agent.sh', import.meta.url), 'utf8').trimEnd()

interface Call {
  title: string
  kind: string
  rawInput?: unknown
  status?: string
  /** What it printed, or what it did to a file. */
  text?: string
  diff?: { path: string; oldText?: string; newText: string }
}

const textOf = (text: string) => ({ type: 'content', content: { type: 'text', text } })

/** A mission in which an agent made these calls, and then said something. */
async function called(server: Server, name: string, calls: Call[], said: string): Promise<string> {
  const updates = calls.map(({ text, diff, status = 'completed', ...call }, index) => ({
    sessionUpdate: 'tool_call',
    toolCallId: `call-${index}`,
    status,
    content: [...(text ? [textOf(text)] : []), ...(diff ? [{ type: 'diff', ...diff }] : [])],
    ...call,
  }))
  const message = { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: said } }
  const lines = [...updates, message].map(update =>
    JSON.stringify({ jsonrpc: '2.0', method: 'session/update', params: { sessionId: 's', update } }),
  )
  const file = (path: string, content: string) => `cat > ${path} <<'END-OF-FILE'\n${content}\nEND-OF-FILE`
  const workspace = await server.workspace(name)
  const prompt = [
    file('agent.sh', AGENT),
    file('updates.jsonl', lines.join('\n')),
    "mkdir -p docs; printf '%s' iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg== | base64 -d > docs/dot.png",
  ].join('\n')
  const made = await server.mission({ workspace, prompt, one_shot: true })
  await expect.poll(async () => (await server.get(made)).state).toBe('done')
  const id = await server.mission({
    harness: 'acp-agent',
    workspace,
    prompt: 'Go',
    one_shot: true,
    title: name,
  })
  await expect.poll(async () => (await server.get(id)).state).toBe('done')
  return id
}

const CALLS: Call[] = [
  {
    title: 'Run the tests',
    kind: 'execute',
    rawInput: { command: 'for i in 1; do make test; done', description: 'Runs all of them' },
    status: 'failed',
    text: 'test a \u001b[31mFAILED\u001b[0m',
  },
  {
    title: 'Read src/a.rs',
    kind: 'read',
    rawInput: { file_path: 'src/a.rs', offset: 7 },
    text: '     7\tfn main() {}\n     8\t// end\n',
  },
  {
    title: 'Edit src/a.rs',
    kind: 'edit',
    rawInput: { file_path: 'src/a.rs' },
    diff: { path: 'src/a.rs', oldText: 'let a = 1;\n', newText: 'let b = 1;\n' },
  },
  {
    title: 'Grep main',
    kind: 'search',
    rawInput: { pattern: 'main', path: 'src' },
    text: 'src/a.rs:7:fn main() {}\nsrc/b.rs:1:use main;\n',
  },
  {
    title: 'WebFetch https://example.org/page',
    kind: 'fetch',
    rawInput: { url: 'https://example.org/page', prompt: 'What does it say?' },
    text: 'It says **much** ![spy](http://evil.example/spy.png) <img src="http://evil.example/x.png">',
  },
  {
    title: 'TodoWrite',
    kind: 'think',
    rawInput: {
      todos: [
        { content: 'Look', status: 'completed' },
        { content: 'Mend it', status: 'in_progress' },
      ],
    },
  },
  {
    title: 'Task Find callers',
    kind: 'think',
    rawInput: { description: 'Find callers', subagent_type: 'Explore', prompt: 'Find **all** of them' },
    text: 'There are *two*.',
  },
  { title: 'Read docs/dot.png', kind: 'read', rawInput: { file_path: '/workspace/docs/dot.png' } },
  {
    title: 'Which one',
    kind: 'other',
    rawInput: { questions: [{ question: 'Which database?', options: [{ label: 'sqlite' }] }] },
  },
  { title: 'db: run_query', kind: 'other', rawInput: { sql: 'select 1' }, text: '{"rows":[[1]]}' },
]

test('each tool call is one telling line, and shows what it is about when it is opened', async ({
  signedIn: page,
  server,
}) => {
  const foreign: string[] = []
  page.on('request', request => {
    if (!request.url().startsWith(server.url) && !/^(data|blob):/.test(request.url()))
      foreign.push(request.url())
  })
  const said = 'Done:\n\n```rust\nfn done() {}\n```\n'
  const id = await called(server, 'made-of-calls', CALLS, said)
  await page.goto(`${server.url}/missions/${id}`)
  await ready(page)
  const log = page.getByRole('region', { name: 'Transcript' })
  for (const name of [
    /for i in 1; do make test; done/,
    /Read src\/a.rs from line 7/,
    /Edit src\/a.rs \+1 −1/,
    /Search main in src/,
    /Fetch https:\/\/example.org\/page/,
    /Plan Mend it 1 of 2 done/,
    /Agent Find callers Explore/,
    /Look at docs\/dot.png/,
    /Ask Which database\?/,
    /db: run_query/,
  ])
    await expect(log.getByRole('button', { name })).toBeVisible()
  await expect(log.locator('.md-code .hl-keyword')).toHaveText('fn')

  await page.keyboard.press('o')
  await page.locator('.log').evaluate(log => log.scrollTo(0, 0))
  await expect(log.locator('.command .hl-keyword').first()).toHaveText('for')
  await expect(log.locator('.ansi.red').first()).toHaveText('FAILED')
  await expect(log.locator('.file-lines')).toHaveText('7\n8')
  await expect(log.locator('.file-read .hl-comment')).toHaveText('// end')
  await expect(log.getByRole('figure')).toContainText('let b = 1;')
  await expect(log.locator('.found')).toContainText('2 files')
  const answer = log.locator('.said-by-others')
  await expect(answer.locator('strong')).toHaveText('much')
  await expect(answer).toContainText('<img src=')
  await expect(log.getByText('Find all of them')).toBeVisible()
  const shot = log.getByRole('img', { name: 'dot.png' })
  await shot.scrollIntoViewIfNeeded()
  await expect(shot).toHaveAttribute('src', /^blob:/)
  await expect(log.getByText('sqlite')).toBeVisible()
  await expect(log.locator('.fields')).toContainText('select 1')
  expect(await violations(page)).toEqual([])
  expect(await unreachable(page)).toEqual([])
  expect(foreign).toEqual([])
})

test('the files that came with a message are shown with it', async ({ signedIn: page, server }) => {
  const id = await server.mission({ harness: 'talking', prompt: 'echo hello' })
  await expect.poll(async () => (await server.get(id)).state).toBe('awaiting_user')
  await page.goto(`${server.url}/missions/${id}`)
  await ready(page)
  const buffer = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  )
  await page.locator('input[type=file]').setInputFiles([
    { name: 'dot.png', mimeType: 'image/png', buffer },
    { name: 'page.html', mimeType: 'text/html', buffer: Buffer.from('<script>1</script>') },
  ])
  await page.getByLabel('Message').fill('echo seen')
  await page.getByRole('button', { name: /^Send/ }).click()
  const log = page.getByRole('region', { name: 'Transcript' })
  const image = log.getByRole('img', { name: 'dot.png' })
  await expect.poll(() => image.evaluate(image => (image as HTMLImageElement).naturalWidth)).toBe(1)
  await expect(log.getByRole('link', { name: /page.html/ })).toBeVisible()
})
