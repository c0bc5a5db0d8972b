import { expect, test } from 'vitest'
import type { Grants, PluginInfo } from '../api/schema'
import { grantRows, missingToml, together } from './grants'

const none: Grants = {
  archives: [],
  containers: [],
  fetch: [],
  kv: false,
  log: false,
  progress: false,
  run: [],
  secrets: [],
  workspace_files: null,
  workspace_run: false,
}

const plugin = (part: Partial<PluginInfo>): PluginInfo => ({
  id: 'p',
  kind: 'tools',
  component: 'p.wasm',
  health: 'ready',
  counters: { calls: 0, failures: 0, reloads: 0, traps: 0 },
  grants: none,
  imports: [],
  requests: [],
  ...part,
})

test('what is asked for and not granted can be pasted as it is', () => {
  const asks = plugin({
    grants: { ...none, run: ['git'] },
    requests: [
      { grant: 'run', values: ['git', 'bwrap'], why: 'To look.' },
      { grant: 'kv', why: 'To remember.' },
      { grant: 'workspace_files', values: ['write'], why: 'To edit.' },
    ],
  })
  expect(missingToml(asks)).toBe(
    '[[plugin]]\nid = "p"\ngrants.kv = true\ngrants.run = ["git", "bwrap"]\ngrants.workspace_files = "write"',
  )
})

test('a name that holds a quote stays one string', () => {
  const asks = plugin({ id: 'p"\nx = 1', requests: [{ grant: 'kv', why: '' }] })
  expect(missingToml(asks)).toContain('id = "p\\"\\nx = 1"')
})

test('nothing is to paste where all is granted', () => {
  expect(
    missingToml(
      plugin({
        grants: { ...none, workspace_files: 'write' },
        requests: [
          { grant: 'workspace_files', values: ['read'], why: '' },
          { grant: 'fetch', values: [], why: 'Whatever the operator chooses.' },
        ],
      }),
    ),
  ).toBeUndefined()
})

test('an interface that the code has without a grant is missing too', () => {
  const imports = [
    { interface: 'sandboxed:host/kv@0.1.0', meaning: 'state', grant: 'grants.kv = true', granted: false },
  ]
  expect(grantRows(plugin({ imports }))).toMatchObject([{ key: 'kv', used: true, whole: false }])
})

test('secrets and a way out are named together', () => {
  expect(together(plugin({ grants: { ...none, secrets: ['A'] } }))).toBeUndefined()
  expect(together(plugin({ grants: { ...none, secrets: ['A'], fetch: ['a.example:443'] } }))).toContain(
    'send',
  )
})
