import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api, call } from '../api/client'
import type { Budget, SpendingSum } from '../api/schema'
import type { Range } from './range'

export type GroupBy = 'day' | 'mission' | 'model' | 'account' | 'user' | 'harness'

/** The most rows that are added up; what is beyond is told. */
const MOST = 2000

/** What was spent, added up. All pages are read: a sum of a part is no sum. */
export const spending = ({ from, to }: Range, by: GroupBy) =>
  queryOptions({
    queryKey: ['usage', from, to, by],
    queryFn: async () => {
      const items: SpendingSum[] = []
      let cursor: string | undefined
      do {
        const page = (await call(
          api.GET('/api/v1/usage', { params: { query: { from, to, by, limit: 500, cursor } } }),
        )) as { items: SpendingSum[]; next_cursor?: string | null }
        items.push(...page.items)
        cursor = page.next_cursor ?? undefined
      } while (cursor && items.length < MOST)
      return { items, more: cursor !== undefined }
    },
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  })

export const budgets = queryOptions({
  queryKey: ['budgets'],
  queryFn: () =>
    call(api.GET('/api/v1/budgets', { params: { query: { limit: 200 } } })) as Promise<{ items: Budget[] }>,
  refetchInterval: 30_000,
})

export const allTokens = ({ tokens }: SpendingSum) =>
  tokens.input + tokens.output + tokens.cache_read + tokens.cache_write + tokens.cache_write_1h

/** What went in: from a cache or not. */
export const inTokens = ({ tokens }: SpendingSum) =>
  tokens.input + tokens.cache_read + tokens.cache_write + tokens.cache_write_1h

/** Sums of sums. */
export function summed(items: SpendingSum[]) {
  return {
    cost: items.reduce((sum, { cost_micro_usd }) => sum + cost_micro_usd, 0),
    requests: items.reduce((sum, { requests }) => sum + requests, 0),
    failed: items.reduce((sum, { failed_requests }) => sum + failed_requests, 0),
    unpriced: items.reduce((sum, { unpriced_requests }) => sum + unpriced_requests, 0),
    estimated: items.reduce((sum, { estimated_requests }) => sum + estimated_requests, 0),
    input: items.reduce((sum, item) => sum + inTokens(item), 0),
    output: items.reduce((sum, { tokens }) => sum + tokens.output, 0),
    cached: items.reduce((sum, { tokens }) => sum + tokens.cache_read, 0),
  }
}
