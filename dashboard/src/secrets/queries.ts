import { queryOptions } from '@tanstack/react-query'
import { api, call } from '../api/client'
import type { Secret, SecretUse, VaultStatus } from '../api/schema'

/** Secrets without their values: those never leave the server. */
export const secrets = queryOptions({
  queryKey: ['secrets'],
  queryFn: () => call(api.GET('/api/v1/secrets')) as Promise<{ items: Secret[] }>,
})

export const secretNames = queryOptions({
  ...secrets,
  select: ({ items }: { items: Secret[] }) => items.map(({ name }) => name),
})

export const secretUses = (name: string) =>
  queryOptions({
    queryKey: ['secrets', name, 'uses'],
    queryFn: () =>
      call(
        api.GET('/api/v1/secrets/{name}/uses', { params: { path: { name }, query: { limit: 100 } } }),
      ) as Promise<{ items: SecretUse[] }>,
  })

export const vault = queryOptions({
  queryKey: ['vault'],
  queryFn: () => call(api.GET('/api/v1/vault')) as Promise<VaultStatus>,
})
