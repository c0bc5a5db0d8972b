// Holds the built files against what may be loaded, in KB of gzip.
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const dist = new URL('../dist/', import.meta.url)
const assets = readdirSync(new URL('assets/', dist)).filter(name => !/\.(br|gz)$/.test(name))
const size = name => gzipSync(readFileSync(new URL(`assets/${name}`, dist)), { level: 9 }).length / 1000
const page = readFileSync(new URL('index.html', dist), 'utf8')
const first = assets.filter(name => page.includes(name))
const sum = names => names.reduce((total, name) => total + size(name), 0)
const chunk = name => assets.filter(asset => asset.endsWith('.js') && asset.startsWith(`${name}-`))
const raw = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile() && !/\.(br|gz)$/.test(entry.name))
  .reduce((total, entry) => total + readFileSync(`${entry.parentPath}/${entry.name}`).length / 1000, 0)

const budgets = [
  ['script of the first page', sum([...first.filter(name => name.endsWith('.js')), ...chunk('Home')]), 130],
  ['style of the first page', sum(first.filter(name => name.endsWith('.css'))), 10],
  ['fonts of a page in English', sum(assets.filter(name => /-latin-wght-normal-.*woff2$/.test(name))), 75],
  ['script of a mission', sum([...chunk('Mission'), ...chunk('Markdown')]), 90],
  ['script of a terminal', sum([...chunk('Workspace'), ...chunk('Terminals')]), 100],
  [
    'script of the largest of the other pages',
    Math.max(
      ...[
        'Workspaces',
        'NewWorkspace',
        'Template',
        'Harnesses',
        'Harness',
        'Plugins',
        'Plugin',
        'Secrets',
        'Usage',
        'System',
        'Settings',
      ].map(name => sum(chunk(name))),
    ),
    25,
  ],
  ['script of the streams', sum(chunk('worker')), 5],
  ['script of a review', sum(chunk('Review')), 15],
  ['script that colours code, in a worker of its own', sum(chunk('highlighter')), 60],
  ['all files, not compressed', raw, 3000],
]
let failed = 0
for (const [what, is, most] of budgets) {
  const over = is > most || is === 0
  if (over) failed += 1
  console.log(`${over ? '✕' : '✓'} ${what}: ${is.toFixed(1)} KB of ${most}`)
}
console.log(`dashboard sizes: ${budgets.length - failed} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)
