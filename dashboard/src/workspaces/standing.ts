import type { BuildState, Exit, NetworkPolicy, StepState, WorkspacePhase } from '../api/schema'
import type { Standing } from '../ui/StateMark'

/** Where a workspace stands. */
export const PHASES: Record<WorkspacePhase, Standing> = {
  absent: { glyph: '○', word: 'Not made yet', tone: '' },
  ready: { glyph: '✓', word: 'Ready', tone: 'ok' },
  stopped: { glyph: '‖', word: 'Stopped', tone: '' },
  building: { glyph: '●', word: 'Building', tone: 'running' },
  broken: { glyph: '✕', word: 'Broken', tone: 'fail' },
  failed: { glyph: '✕', word: 'Build failed', tone: 'fail' },
}

export const BUILDS: Record<BuildState | StepState, Standing> = {
  queued: { glyph: '○', word: 'Queued', tone: '' },
  running: { glyph: '●', word: 'Running', tone: 'running' },
  done: { glyph: '✓', word: 'Done', tone: 'ok' },
  cached: { glyph: '✓', word: 'Taken from before', tone: 'ok' },
  failed: { glyph: '✕', word: 'Failed', tone: 'fail' },
  cancelled: { glyph: '✕', word: 'Cancelled', tone: '' },
  timed_out: { glyph: '✕', word: 'Took too long', tone: 'fail' },
}

/** How a process ended, in words. */
export function ending(exit: Exit): string {
  if ('code' in exit) {
    if (exit.code === 0) return 'ended'
    // Shells and the sandbox's first process say so that a signal ended what they waited for.
    return exit.code > 128 && exit.code < 160
      ? `ended with ${exit.code} (signal ${exit.code - 128})`
      : `ended with ${exit.code}`
  }
  if ('signal' in exit) return exit.signal === 9 ? 'killed (signal 9)' : `ended by signal ${exit.signal}`
  return `its end was not seen: ${exit.lost}`
}

/** What a network policy lets out, in words. */
export function reach(network: NetworkPolicy): string {
  const via =
    network.via === 'exit_node' ? ', by an exit node' : network.via === 'tailnet' ? ', by the tailnet' : ''
  if (network.mode === 'none') return 'nothing'
  if (network.mode === 'open') return `every public address${via}`
  if (network.mode === 'shared') return 'all that the machine reaches'
  const hosts = network.allow ?? []
  return `${hosts.length === 0 ? 'no host' : hosts.length === 1 ? '1 listed host' : `${hosts.length} listed hosts`}${via}`
}
