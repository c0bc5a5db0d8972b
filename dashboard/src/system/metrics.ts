import { queryOptions } from '@tanstack/react-query'
import { raw } from '../api/raw'

/** One line of the text format of Prometheus. */
export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

/** What the server measured since it started, and when that was asked. */
export interface Scrape {
  at: number
  samples: Sample[]
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?/g
const ESCAPED: Record<string, string> = { n: '\n', '"': '"', '\\': '\\' }

export function parseMetrics(text: string): Sample[] {
  return text.split('\n').flatMap(line => {
    const match = line.startsWith('#') ? null : LINE.exec(line)
    if (!match?.[1]) return []
    const labels: Record<string, string> = {}
    for (const [, name = '', value = ''] of (match[2] ?? '').matchAll(LABEL)) {
      labels[name] = value.replace(/\\(.)/g, (_, letter: string) => ESCAPED[letter] ?? letter)
    }
    return [{ name: match[1], labels, value: Number(match[3]) }]
  })
}

export const metrics = queryOptions({
  queryKey: ['metrics'],
  queryFn: async ({ signal }): Promise<Scrape> => {
    const text = await (await raw('/metrics', { signal })).text()
    return { at: Date.now(), samples: parseMetrics(text) }
  },
  staleTime: 10_000,
})

/** The sum of all samples of a name that have these labels. */
export const total = ({ samples }: Scrape, name: string, labels: Record<string, string> = {}) =>
  samples
    .filter(
      sample =>
        sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .reduce((sum, { value }) => sum + value, 0)

/** Below which value this part of a histogram's observations is; undefined where there are none, Infinity above its last bucket. */
export function quantile(scrape: Scrape, name: string, part: number, labels: Record<string, string> = {}) {
  const buckets = new Map<number, number>()
  for (const sample of scrape.samples) {
    if (sample.name !== `${name}_bucket`) continue
    if (!Object.entries(labels).every(([key, value]) => sample.labels[key] === value)) continue
    const bound = sample.labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(sample.labels.le)
    buckets.set(bound, (buckets.get(bound) ?? 0) + sample.value)
  }
  const sorted = [...buckets].sort(([one], [other]) => one - other)
  const all = sorted.at(-1)?.[1] ?? 0
  return all === 0 ? undefined : sorted.find(([, below]) => below >= all * part)?.[0]
}

/** The p99 of each plugin's calls, in seconds. */
export function callTimes(scrape: Scrape): Map<string, number> {
  const name = 'sandboxed_plugin_call_seconds'
  const plugins = new Set(
    scrape.samples.flatMap(({ name: of, labels }) =>
      of === `${name}_count` && labels.plugin ? [labels.plugin] : [],
    ),
  )
  return new Map(
    [...plugins].flatMap(plugin => {
      const time = quantile(scrape, name, 0.99, { plugin })
      return time === undefined || time === Number.POSITIVE_INFINITY ? [] : [[plugin, time] as const]
    }),
  )
}
