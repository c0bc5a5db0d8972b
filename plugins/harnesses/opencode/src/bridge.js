// Makes `opencode serve` a program of lines: the events of sessions and the answers to requests go out on standard
// output, requests come in on standard input, one JSON value a line. It decides nothing; the driver does.
//
//   bridge.js DIRECTORY_TO_WORK_IN
//
// out: {"event": …}  each event of /event that is about a session. The server is private to this process, so these
//                    are the driver's session and its children. `cut`, in what was too long for a line: its bytes
//      {"answer": {id, status, body}} to a request; status 0: it was not answered, and body says why
// in:  {id, method, path, body}, which wait until OpenCode listens
//
// When standard input ends, so does OpenCode. When OpenCode ends first, this process fails with the reason on
// standard error.

import { dirname } from "node:path"

// The host cuts longer lines.
const MAX_LINE = 1 << 20
// Milliseconds within which OpenCode ends when it is asked to.
const PATIENCE = 3000
// Characters that stay of a text within a line that would be longer.
const MAX_TEXT = 16 << 10

let printed = Promise.resolve()
const print = (value) => (printed = printed.then(() => Bun.write(Bun.stdout, bounded(value) + "\n")))

function bounded(value) {
  const line = JSON.stringify(value)
  const cut = Buffer.byteLength(line)
  if (cut < MAX_LINE) return line
  const [[kind, whole]] = Object.entries(value)
  const shorter = JSON.stringify({ [kind]: { ...whole, cut } }, (_, text) =>
    typeof text === "string" && text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) + "…" : text,
  )
  if (Buffer.byteLength(shorter) < MAX_LINE) return shorter
  const { type, properties, id, status } = whole
  return JSON.stringify({ [kind]: { type, properties: { sessionID: properties?.sessionID }, id, status, cut } })
}

const tree = process.argv[2]
const password = crypto.randomUUID()
const { BUN_BE_BUN, ...env } = process.env
// ripgrep lies beside OpenCode, which would fetch it from GitHub.
env.PATH = dirname(process.execPath) + ":" + env.PATH
const server = Bun.spawn([process.execPath, "serve", "--hostname", "127.0.0.1", "--port", "0"], {
  cwd: tree,
  env: { ...env, OPENCODE_SERVER_PASSWORD: password },
  stdin: "ignore",
  stdout: "pipe",
  stderr: "inherit",
})
const headers = { authorization: "Basic " + btoa("opencode:" + password), "content-type": "application/json" }

let over = false
async function end(code, reason) {
  if (over) return
  over = true
  if (reason) console.error(reason)
  server.kill()
  setTimeout(() => server.kill("SIGKILL"), PATIENCE)
  await server.exited
  await printed
  process.exit(code)
}
server.exited.then((code) => end(1, `opencode serve ended with ${server.signalCode ?? `code ${code}`}`))

async function* linesOf(stream) {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n")
    rest = lines.pop()
    yield* lines
  }
}

async function listening(found) {
  for await (const line of linesOf(server.stdout)) {
    const url = /listening on (http:\S+)/.exec(line)
    if (url) found(url[1])
    else console.error(line)
  }
}

async function events(url, connected) {
  const stream = await fetch(url + "/event", { headers, timeout: false })
  if (!stream.ok) throw new Error(`status ${stream.status}`)
  for await (const line of linesOf(stream.body)) {
    if (!line.startsWith("data:")) continue
    const event = JSON.parse(line.slice(5))
    if (event.type === "server.connected") connected()
    else if (event.properties?.sessionID || event.type === "session.error") await print({ event })
  }
  throw new Error("it ended")
}

async function answer(url, { id, method, path, body }) {
  const sent = body && JSON.stringify(body)
  try {
    const response = await fetch(url + path, { method, headers, body: sent, timeout: false })
    const text = await response.text()
    let read = text
    try {
      read = JSON.parse(text)
    } catch {}
    print({ answer: { id, status: response.status, body: read } })
  } catch (error) {
    print({ answer: { id, status: 0, body: String(error) } })
  }
}

const url = await new Promise((found) => {
  listening(found).catch(() => {})
})
await new Promise((connected) => {
  events(url, connected).catch((error) => end(1, `the events of opencode serve broke off: ${error}`))
})
for await (const line of linesOf(Bun.stdin.stream())) answer(url, JSON.parse(line))
end(0)
