import type {
  Blueprint,
  BlueprintRequest,
  DeclaredPort,
  EnvValue,
  InitStep,
  Mount,
  NetworkMode,
  NetworkVia,
} from '../api/schema'
import { parseSize, writeSize } from '../ui/sizes'

export interface EnvRow {
  name: string
  kind: 'text' | 'secret' | 'secret_file'
  value: string
}

/** A blueprint as a person writes it. Empty text is nothing said: the template or the configuration decides. */
export interface Draft {
  backend: string
  options: string
  mode: '' | NetworkMode
  allow: string
  via: '' | NetworkVia
  memory: string
  cpus: string
  processes: string
  disk: string
  env: EnvRow[]
  mounts: { source: string; target: string; writable: boolean }[]
  init: { name: string; script: string }[]
  ports: { name: string; port: string }[]
  instructions: string
  skills: string
}

export const EMPTY: Draft = {
  backend: '',
  options: '',
  mode: '',
  allow: '',
  via: '',
  memory: '',
  cpus: '',
  processes: '',
  disk: '',
  env: [],
  mounts: [],
  init: [],
  ports: [],
  instructions: '',
  skills: '',
}

/** What cannot be sent as it is written, by the name of its field. */
export type Mistakes = Partial<Record<keyof Draft, string>>

const lines = (text: string) =>
  text
    .split(/[\s,]+/)
    .map(line => line.trim())
    .filter(Boolean)

/** What is asked of the server, and what has to be mended before. */
export function read(draft: Draft): { wanted: BlueprintRequest; mistakes: Mistakes } {
  const mistakes: Mistakes = {}
  const wanted: BlueprintRequest = {}
  if (draft.backend) wanted.backend = draft.backend
  if (draft.options.trim()) {
    const options = object(draft.options)
    if (options) wanted.options = options
    else mistakes.options = 'This is no JSON object.'
  }
  if (draft.mode) {
    wanted.network = {
      mode: draft.mode,
      ...(draft.mode === 'allow' && { allow: lines(draft.allow) }),
      ...(draft.via && { via: draft.via }),
    }
  }
  const limits: NonNullable<BlueprintRequest['limits']> = {
    memory: null,
    cpu_millis: null,
    processes: null,
    disk: null,
  }
  const size = (field: 'memory' | 'disk') => {
    if (!draft[field].trim()) return
    const bytes = parseSize(draft[field])
    if (bytes) limits[field] = bytes
    else mistakes[field] = 'A size is written like 512 MiB or 2 GiB.'
  }
  size('memory')
  size('disk')
  if (draft.cpus.trim()) {
    const cpus = Number(draft.cpus)
    if (cpus > 0 && cpus <= 4096) limits.cpu_millis = Math.round(cpus * 1000)
    else mistakes.cpus = 'A number of processors, like 1.5.'
  }
  if (draft.processes.trim()) {
    const processes = Number(draft.processes)
    if (Number.isSafeInteger(processes) && processes > 0) limits.processes = processes
    else mistakes.processes = 'A whole number above 0.'
  }
  if (Object.values(limits).some(limit => limit !== null)) wanted.limits = limits
  const env = draft.env.filter(({ name }) => name.trim())
  if (env.length > 0) {
    if (new Set(env.map(({ name }) => name.trim())).size < env.length)
      mistakes.env = 'A variable is there twice.'
    wanted.env = Object.fromEntries(env.map(({ name, kind, value }) => [name.trim(), envValue(kind, value)]))
  }
  const mounts = draft.mounts.filter(({ source }) => source.trim())
  if (mounts.some(({ target }) => !target.trim()))
    mistakes.mounts = 'Each directory needs a place in the workspace.'
  if (mounts.length > 0) {
    wanted.mounts = mounts.map(
      ({ source, target, writable }): Mount => ({ source: source.trim(), target: target.trim(), writable }),
    )
  }
  const init = draft.init.filter(({ script }) => script.trim())
  if (init.length > 0) {
    wanted.init = init.map(
      ({ name, script }, index): InitStep => ({ name: name.trim() || `Step ${index + 1}`, script }),
    )
  }
  const ports = draft.ports.filter(({ port }) => port.trim())
  if (ports.some(({ port }) => !isPort(port))) mistakes.ports = 'A port is a number from 1 to 65535.'
  else if (ports.some(({ name }) => !name.trim())) mistakes.ports = 'Each port needs a name.'
  if (ports.length > 0) {
    wanted.ports = ports.map(({ name, port }): DeclaredPort => ({ name: name.trim(), port: Number(port) }))
  }
  if (draft.instructions.trim()) wanted.instructions = draft.instructions
  const skills = lines(draft.skills)
  if (skills.some(skill => !/^[a-z0-9][a-z0-9-]{0,63}$/.test(skill)))
    mistakes.skills = 'A skill is named by small letters, digits and dashes.'
  if (skills.length > 0) wanted.skills = skills
  return { wanted, mistakes }
}

const isPort = (text: string) => /^\d+$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= 65_535

function object(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function envValue(kind: EnvRow['kind'], value: string): EnvValue {
  if (kind === 'secret') return { secret: value.trim() }
  return kind === 'secret_file' ? { secret_file: value.trim() } : value
}

/** A blueprint as a person would write it. */
export function write(blueprint: Blueprint): Draft {
  const { network, limits } = blueprint
  return {
    backend: blueprint.backend ?? '',
    options:
      Object.keys(blueprint.options ?? {}).length > 0 ? JSON.stringify(blueprint.options, null, 2) : '',
    mode: network?.mode ?? '',
    allow: (network?.allow ?? []).join('\n'),
    via: network?.via ?? '',
    memory: limits?.memory ? writeSize(limits.memory) : '',
    cpus: limits?.cpu_millis ? String(limits.cpu_millis / 1000) : '',
    processes: limits?.processes ? String(limits.processes) : '',
    disk: limits?.disk ? writeSize(limits.disk) : '',
    env: Object.entries(blueprint.env ?? {}).map(([name, value]): EnvRow => {
      if (typeof value === 'string') return { name, kind: 'text', value }
      return 'secret' in value
        ? { name, kind: 'secret', value: value.secret }
        : { name, kind: 'secret_file', value: value.secret_file }
    }),
    mounts: (blueprint.mounts ?? []).map(({ source, target, writable }) => ({
      source,
      target,
      writable: writable ?? false,
    })),
    init: (blueprint.init ?? []).map(({ name, script }) => ({ name, script })),
    ports: (blueprint.ports ?? []).map(({ name, port }) => ({ name, port: String(port) })),
    instructions: blueprint.instructions ?? '',
    skills: (blueprint.skills ?? []).join(', '),
  }
}

/** What a blueprint holds that {@link Draft} does not: it is kept when a template is changed. */
export function keep(blueprint: Blueprint, wanted: BlueprintRequest): BlueprintRequest {
  const steps = new Map((blueprint.init ?? []).map(step => [step.name, step]))
  const ports = new Map((blueprint.ports ?? []).map(port => [port.name, port]))
  return {
    ...wanted,
    direct_keys: blueprint.direct_keys ?? [],
    mcp_servers: blueprint.mcp_servers ?? {},
    init: wanted.init?.map(step => ({ ...steps.get(step.name), ...step })),
    ports: wanted.ports?.map(port => ({ ...ports.get(port.name), ...port })),
  }
}
