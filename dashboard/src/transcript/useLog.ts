import { useEffect, useMemo, useSyncExternalStore } from 'react'
import { session } from '../session'
import type { Item } from './items'
import { MissionLog } from './log'

/** The log of a mission as long as the page shows it. */
export function useLog(mission: string, end: number | undefined, at?: number): MissionLog {
  const log = useMemo(() => new MissionLog(mission), [mission])
  const known = end !== undefined
  // biome-ignore lint/correctness/useExhaustiveDependencies: the log follows by itself from where it was opened
  useEffect(() => {
    if (!known) return
    void log.open(end, at).then(() => log.follow())
    const stop = session.subscribe(() => session.value === 'in' && void log.newer())
    return () => {
      stop()
      log.close()
    }
  }, [log, known])
  return log
}

/** Renders again when entries come or go, or the log stands otherwise. */
export function useLogState(log: MissionLog) {
  useSyncExternalStore(
    log.subscribe,
    () => `${log.version} ${log.ready} ${log.end} ${log.feed} ${Boolean(log.error)} ${log.atEnd}`,
  )
}

/** Renders again when this entry changes. */
export function useItem(log: MissionLog, item: Item): number {
  return useSyncExternalStore(
    listener => log.subscribeRow(item, listener),
    () => item.revision,
  )
}
