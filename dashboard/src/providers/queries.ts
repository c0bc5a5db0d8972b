import { queryOptions } from '@tanstack/react-query'
import { api, call } from '../api/client'
import type { Account, Model, Provider } from '../api/schema'
import type { Standing } from '../ui/StateMark'

/** Accounts in the order in which they are used. */
export const accounts = queryOptions({
  queryKey: ['accounts'],
  queryFn: () => call(api.GET('/api/v1/accounts')) as Promise<{ items: Account[] }>,
  select: ({ items }) => items.toSorted((one, other) => one.position - other.position),
  refetchInterval: 10_000,
})

export const providers = queryOptions({
  queryKey: ['providers'],
  queryFn: () => call(api.GET('/api/v1/providers')) as Promise<{ items: Provider[] }>,
  staleTime: 600_000,
})

export const models = queryOptions({
  queryKey: ['models'],
  queryFn: () => call(api.GET('/api/v1/models')) as Promise<{ items: Model[] }>,
  staleTime: 600_000,
})

export function health({ enabled, health }: Account): Standing {
  if (!enabled) return { glyph: '○', word: 'Off', tone: '' }
  if (health.state === 'ready') return { glyph: '✓', word: 'Ready', tone: 'ok' }
  if (health.state === 'cooling') return { glyph: '‖', word: 'Cools down', tone: '' }
  return { glyph: '✕', word: 'Refused', tone: 'fail' }
}

/** Whether each account has to say where the provider is. */
export const hasBase = (provider: Provider) =>
  Object.values(provider.endpoints).some(url => url.includes('{base}'))

/** The order with one account a place up or down. */
export function moved(names: string[], name: string, by: -1 | 1): string[] {
  const at = names.indexOf(name)
  const to = at + by
  if (at < 0 || to < 0 || to >= names.length) return names
  const order = names.toSpliced(at, 1)
  return order.toSpliced(to, 0, name)
}
