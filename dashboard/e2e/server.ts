import { type ChildProcess, spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

export const PASSWORD = 'correct horse battery staple'

const root = resolve(import.meta.dirname, '../..')
const binary = process.env.SANDBOXED_SH_BINARY ?? join(root, 'target/debug/sandboxed-sh')
const plugins = process.env.SANDBOXED_SH_PLUGIN_DIR ?? join(root, 'target/plugins')
const guests = process.env.SANDBOXED_SH_TEST_GUESTS ?? join(root, 'target/guests-tests/wasm')
/** Compiled plugins, which the servers of all tests share: compiling takes longer than most tests. */
const compiled = join(dirname(binary), 'test-plugin-cache')

/** Plugins of the configuration that comes with the server that are needed here. */
const NEEDED = ['shell', 'bubblewrap']

/** The configuration that comes with the server, with few plugins, the harness that says what its script prints, and one whose
 * agent is `agent.sh` in the workspace, which speaks the Agent Client Protocol. */
function config(talking: string): string {
  const [head = '', ...tables] = readFileSync(join(root, 'config/sandboxed.toml'), 'utf8').split(
    /^\[\[plugin\]\]\n/m,
  )
  const kept = tables.filter(table => NEEDED.some(id => table.startsWith(`id = "${id}"\n`)))
  const printer = `id = "talking"\nkind = "harness"\ncomponent = "${talking}"\n`
  const spoken = `id = "acp-agent"\nkind = "harness"\ncomponent = "acp.wasm"\ngrants.log = true
[plugin.config]\nsummary = "Tells what updates.jsonl says."\ncommand = { program = "sh", args = ["agent.sh"] }\n`
  return [head, ...kept, printer, spoken].join('[[plugin]]\n')
}

/** A server with a data directory of its own, on the same port each time that it is started. */
export class Server {
  #dir = mkdtempSync(join(tmpdir(), 'dashboard-'))
  #child: ChildProcess | undefined
  #port = 0

  get url() {
    return `http://127.0.0.1:${this.#port}`
  }

  get #talking() {
    return join(this.#dir, 'talking-harness.wasm')
  }

  /** Puts another build of the harness `talking` in its place, which differs by one custom section. */
  build(number: number) {
    const component = readFileSync(join(guests, 'talking-harness.wasm'))
    writeFileSync(`${this.#talking}.new`, Buffer.concat([component, Buffer.from([0, 3, 1, 110, number])]))
    renameSync(`${this.#talking}.new`, this.#talking)
  }

  async start() {
    this.#port ||= await freePort()
    const own = join(this.#dir, 'data/cache/plugins')
    mkdirSync(own, { recursive: true, mode: 0o700 })
    if (existsSync(compiled)) cpSync(compiled, own, { recursive: true, force: false })
    if (!existsSync(this.#talking)) this.build(0)
    writeFileSync(join(this.#dir, 'sandboxed.toml'), config(this.#talking))
    const log = openSync(join(this.#dir, 'server.log'), 'a')
    this.#child = spawn(binary, ['--config', join(this.#dir, 'sandboxed.toml'), 'serve', '--no-welcome'], {
      cwd: this.#dir,
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        SANDBOXED_SH_PLUGIN_DIR: plugins,
        SANDBOXED_SH__SERVER__DATA_DIR: join(this.#dir, 'data'),
        SANDBOXED_SH__SERVER__LISTEN: `127.0.0.1:${this.#port}`,
        DASHBOARD_PASSWORD: PASSWORD,
      },
    })
    const until = Date.now() + 120_000
    while (!(await this.#answers())) {
      if (Date.now() > until || this.#child.exitCode !== null)
        throw new Error(`the server did not start:\n${this.log()}`)
      await new Promise(done => setTimeout(done, 50))
    }
    if (!existsSync(compiled)) {
      // Others see it whole, or not at all.
      const whole = `${compiled}-${process.pid}`
      cpSync(own, whole, { recursive: true })
      try {
        renameSync(whole, compiled)
      } catch {
        rmSync(whole, { recursive: true })
      }
    }
  }

  /** Ends it as a crash would. */
  async crash() {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise(done => child.once('exit', done))
    child.kill('SIGKILL')
    await ended
  }

  async remove() {
    await this.#call('GET', '/missions?state=running,awaiting_approval,queued&limit=500')
      .then(async list => {
        for (const { id } of (list as { items: { id: string }[] }).items)
          await this.#call('POST', `/missions/${id}/cancel`)
      })
      .catch(() => {})
    await this.crash()
    await this.#endRuns()
    rmSync(this.#dir, { recursive: true, force: true })
  }

  /** Runs outlive the server by design; a test must not leave any. */
  async #endRuns() {
    const runs = join(this.#dir, 'data/runs')
    for (const run of existsSync(runs) ? readdirSync(runs) : []) {
      const meta = join(runs, run, 'meta.json')
      if (!existsSync(meta) || existsSync(join(runs, run, 'exit.json'))) continue
      const { shim_pid, payload_pid, tree } = JSON.parse(readFileSync(meta, 'utf8')) as {
        shim_pid?: number
        payload_pid?: number
        tree?: { cgroup?: { path?: string } }
      }
      for (const pid of [shim_pid, payload_pid && -payload_pid]) {
        try {
          if (pid) process.kill(pid, 'SIGKILL')
        } catch {
          // It has ended meanwhile.
        }
      }
      const group = tree?.cgroup?.path
      const until = Date.now() + 2000
      while (group && existsSync(group) && Date.now() < until) {
        try {
          rmdirSync(group)
        } catch {
          await new Promise(done => setTimeout(done, 20))
        }
      }
    }
  }

  log = () => readFileSync(join(this.#dir, 'server.log'), 'utf8')

  async #answers() {
    try {
      return (await fetch(`${this.url}/readyz`)).ok && existsSync(join(this.#dir, 'data/server.json'))
    } catch {
      return false
    }
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const { token } = JSON.parse(readFileSync(join(this.#dir, 'data/server.json'), 'utf8')) as {
      token: string
    }
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  /** Makes a mission; answers its id. */
  async mission(body: Record<string, unknown>): Promise<string> {
    return ((await this.#call('POST', '/missions', { harness: 'shell', ...body })) as { id: string }).id
  }

  /** Makes a workspace; answers its id. */
  async workspace(name: string): Promise<string> {
    return ((await this.#call('POST', '/workspaces', { name })) as { id: string }).id
  }

  /** Ends a mission. */
  async cancel(id: string) {
    await this.#call('POST', `/missions/${id}/cancel`)
  }

  /** A mission as it stands. */
  async get(id: string) {
    return (await this.#call('GET', `/missions/${id}`)) as { state: string; last_seq: number; title: string }
  }
}

function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const listener = createServer()
    listener.once('error', failed)
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address()
      listener.close(() =>
        typeof address === 'object' && address ? found(address.port) : failed(new Error('no port')),
      )
    })
  })
}
