import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api, call } from '../api/client'
import type { Mission, MissionChange, QueuedMessage } from '../api/schema'
import { tellFailure } from '../shell/toasts'
import { missionQuery } from './queries'

export type Action = 'interrupt' | 'cancel' | 'resume' | 'finish'

const POSTS = {
  interrupt: '/api/v1/missions/{id}/interrupt',
  cancel: '/api/v1/missions/{id}/cancel',
  resume: '/api/v1/missions/{id}/resume',
  finish: '/api/v1/missions/{id}/finish',
} as const

/** Does something with a mission. */
export const act = (id: string, action: Action) =>
  call(api.POST(POSTS[action], { params: { path: { id } } })) as Promise<Mission>

export const remove = (id: string) => call(api.DELETE('/api/v1/missions/{id}', { params: { path: { id } } }))

export const queueKey = (mission: string) => ['queue', mission]

export const queueOf = async (id: string) =>
  (await call(api.GET('/api/v1/missions/{id}/queue', { params: { path: { id } } }))) as {
    items: QueuedMessage[]
  }

/** What can be done with one mission. */
export function useMissionActions(id: string) {
  const queries = useQueryClient()
  const known = (mission: Mission) => {
    const before = queries.getQueryData(missionQuery(id).queryKey)
    if (!before || before.revision <= mission.revision)
      queries.setQueryData(missionQuery(id).queryKey, mission)
  }
  const queueChanged = () => void queries.invalidateQueries({ queryKey: queueKey(id) })
  const run = useMutation({
    mutationFn: (action: Action) => act(id, action),
    onSuccess: known,
    onError: tellFailure,
  })
  const edit = useMutation({
    mutationFn: (body: MissionChange) =>
      call(api.PATCH('/api/v1/missions/{id}', { params: { path: { id } }, body })) as Promise<Mission>,
    onSuccess: known,
    onError: tellFailure,
  })
  const send = useMutation({
    mutationFn: (message: { text: string; steer: boolean; key: string }) =>
      call(
        api.POST('/api/v1/missions/{id}/messages', {
          params: { path: { id }, header: { 'Idempotency-Key': message.key } },
          body: { text: message.text, steer: message.steer },
        }),
      ) as Promise<QueuedMessage>,
    onSuccess: queueChanged,
    onError: tellFailure,
  })
  return { run, edit, send, queueChanged }
}
