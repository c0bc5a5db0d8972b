import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api, call } from '../api/client'
import type { HarnessAbout, Mission, MissionChange, QueuedMessage } from '../api/schema'
import { announce, tellFailure } from '../shell/toasts'
import { missionQuery } from './queries'
import { useWay } from './way'

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
  return { run, edit, queueChanged }
}

/** A message to the agent of a mission. */
export interface Sending {
  text: string
  /** Files that were brought to the server, by their ids. */
  attachments?: string[]
  /** Names the message: sent again it is the same one. */
  key: string
}

/** Sends messages to the agent, each in the way that is chosen while it works. */
export function useSend(mission: Mission, about: HarnessAbout | undefined) {
  const { id } = mission
  const { busy, way, steers } = useWay(mission, about)
  const queries = useQueryClient()
  const queueChanged = () => void queries.invalidateQueries({ queryKey: queueKey(id) })
  const send = useMutation({
    mutationFn: async ({ text, attachments = [], key }: Sending) => {
      const sent = (await call(
        api.POST('/api/v1/missions/{id}/messages', {
          params: { path: { id }, header: { 'Idempotency-Key': key } },
          // No file comes with a message in the middle of a turn.
          body: { text, attachments, steer: busy && way === 'steer' && attachments.length === 0 },
        }),
      )) as QueuedMessage
      if (busy && way === 'interrupt')
        await call(
          api.POST('/api/v1/missions/{id}/queue/{message}/send-now', {
            params: { path: { id, message: sent.id } },
          }),
        ).catch(tellFailure)
      return sent
    },
    onSuccess: () => {
      queueChanged()
      announce(busy ? 'Message added' : 'Message sent')
    },
    onError: tellFailure,
  })
  return { send, busy, way, steers }
}
