import { expect, test } from 'vitest'
import type { Blueprint } from '../api/schema'
import { EMPTY, keep, read, write } from './draft'

test('what nobody wrote is not asked for', () => {
  expect(read(EMPTY)).toEqual({ wanted: {}, mistakes: {} })
})

test('limits are read in the units that people write', () => {
  const { wanted, mistakes } = read({ ...EMPTY, memory: '2 GiB', cpus: '1.5', processes: '200' })
  expect(wanted.limits).toEqual({ memory: 2_147_483_648, cpu_millis: 1500, processes: 200, disk: null })
  expect(mistakes).toEqual({})
})

test('what cannot be sent is told at its field', () => {
  const { mistakes } = read({
    ...EMPTY,
    options: '[1]',
    memory: 'much',
    cpus: '-1',
    processes: '1.5',
    ports: [{ name: 'web', port: '70000' }],
    env: [
      { name: 'A', kind: 'text', value: '1' },
      { name: 'A ', kind: 'text', value: '2' },
    ],
    mounts: [{ source: '/srv', target: '', writable: false }],
  })
  expect(Object.keys(mistakes).sort()).toEqual([
    'cpus',
    'env',
    'memory',
    'mounts',
    'options',
    'ports',
    'processes',
  ])
})

test('hosts may be written in lines or with commas, and only matter where there is a list', () => {
  expect(
    read({ ...EMPTY, mode: 'allow', allow: 'a.example:443, b.example:*\nc.example:80' }).wanted.network,
  ).toEqual({
    mode: 'allow',
    allow: ['a.example:443', 'b.example:*', 'c.example:80'],
  })
  expect(read({ ...EMPTY, mode: 'none', allow: 'a.example:443' }).wanted.network).toEqual({ mode: 'none' })
})

const full: Blueprint = {
  backend: 'nspawn',
  direct_keys: ['account'],
  env: { A: 'text', B: { secret: 'B_SECRET' }, C: { secret_file: 'C_SECRET' } },
  init: [{ name: 'Install', script: 'npm ci', timeout_secs: 60 }],
  limits: { memory: 1 << 30, cpu_millis: 2000, processes: null, disk: null },
  mounts: [{ source: '/srv', target: '/mnt/srv', writable: true }],
  network: { mode: 'allow', allow: ['a.example:443'] },
  options: { suite: 'bookworm' } as never,
  ports: [{ name: 'web', port: 8080, label: 'The site', protocol: 'http' }],
  instructions: 'Be brief.',
  skills: ['pdf', 'runes'],
  mcp_servers: { tools: { url: 'https://tools.example/mcp', token: 'TOOLS' } },
}

test('a template that is opened and saved stays as it was', () => {
  const { wanted, mistakes } = read(write(full))
  expect(mistakes).toEqual({})
  expect(keep(full, wanted)).toEqual(full)
})
