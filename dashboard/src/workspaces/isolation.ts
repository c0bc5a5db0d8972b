import type { NetworkMode } from '../api/schema'

/** What a backend keeps a workspace from, as `docs/security.md` has it from its tests. */
export interface Isolation {
  /** One word for the badge. */
  word: string
  files: string
  processes: string
  network: string
  /** Whether it holds code that nobody trusts. */
  strong: boolean
  /** What it does not give. */
  gaps: string[]
}

const BACKENDS: Record<string, Omit<Isolation, 'network'>> = {
  bubblewrap: {
    word: 'Sandbox',
    files: 'The system read-only, its own directories, nothing else of the machine.',
    processes: 'Sees its own only.',
    strong: true,
    gaps: ['It shares the kernel of the machine.'],
  },
  nspawn: {
    word: 'System',
    files: 'A Debian or Ubuntu system of its own, with users of its own.',
    processes: 'Sees its own only.',
    strong: true,
    gaps: ['It shares the kernel of the machine.'],
  },
  docker: {
    word: 'Container',
    files: 'Those of an image, read-only, and its own directories.',
    processes: 'Sees its own only.',
    strong: true,
    gaps: ['It shares the kernel of the engine’s machine.'],
  },
  host: {
    word: 'No sandbox',
    files: 'The machine’s, as far as its user and Landlock let it.',
    processes: 'Sees all of the machine.',
    strong: false,
    gaps: [
      'It reads what all may read: /etc, /tmp, /proc.',
      'It sees all processes and their arguments.',
      'It connects to sockets that let everybody in.',
    ],
  },
}

const NETWORKS: Record<NetworkMode, string> = {
  none: 'Its own, without a way out.',
  allow: 'Its own. The way out is the server’s proxy, to the hosts of a list.',
  open: 'Its own. The way out is the server’s proxy, to every public address.',
  shared: 'The machine’s, its services included.',
}

/** What a workspace of this backend with this network is kept from. Undefined for a backend that this page does not know. */
export function isolation(backend: string, network: NetworkMode): Isolation | undefined {
  const known = BACKENDS[backend]
  if (!known) return undefined
  const shared = network === 'shared'
  return {
    ...known,
    network: NETWORKS[network],
    strong: known.strong && !shared,
    gaps: shared ? [...known.gaps, 'It reaches all services of the machine.'] : known.gaps,
  }
}
