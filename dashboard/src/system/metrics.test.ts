// @vitest-environment happy-dom
import { expect, test } from 'vitest'
import { callTimes, parseMetrics, quantile, total } from './metrics'

const text = `# TYPE sandboxed_http_requests_total counter
sandboxed_http_requests_total{method="GET",route="/a",status="200"} 3
sandboxed_http_requests_total{method="GET",route="/b",status="500"} 1
sandboxed_http_streams 2
sandboxed_plugin_call_seconds_bucket{plugin="p",call="x",le="0.01"} 90
sandboxed_plugin_call_seconds_bucket{plugin="p",call="x",le="0.1"} 99
sandboxed_plugin_call_seconds_bucket{plugin="p",call="x",le="+Inf"} 100
sandboxed_plugin_call_seconds_bucket{plugin="p",call="y",le="0.01"} 100
sandboxed_plugin_call_seconds_bucket{plugin="p",call="y",le="0.1"} 100
sandboxed_plugin_call_seconds_bucket{plugin="p",call="y",le="+Inf"} 100
sandboxed_plugin_call_seconds_count{plugin="p",call="x"} 100
odd{name="a \\"quoted\\" \\\\ name, with comma"} 1
`

const scrape = { at: 0, samples: parseMetrics(text) }

test('counters are added up over the labels that were not asked for', () => {
  expect(total(scrape, 'sandboxed_http_requests_total')).toBe(4)
  expect(total(scrape, 'sandboxed_http_requests_total', { status: '500' })).toBe(1)
  expect(total(scrape, 'sandboxed_http_streams')).toBe(2)
})

test('a quantile is the bucket that holds it', () => {
  const name = 'sandboxed_plugin_call_seconds'
  expect(quantile(scrape, name, 0.9, { call: 'x' })).toBe(0.01)
  expect(quantile(scrape, name, 0.999, { call: 'x' })).toBe(Number.POSITIVE_INFINITY)
  expect(quantile(scrape, name, 0.99)).toBe(0.1)
  expect(quantile(scrape, name, 0.5, { call: 'z' })).toBeUndefined()
  expect(callTimes(scrape)).toEqual(new Map([['p', 0.1]]))
})

test('labels are read as they were written', () => {
  expect(scrape.samples.at(-1)?.labels).toEqual({ name: 'a "quoted" \\ name, with comma' })
})
