import type { Grants, PluginInfo } from '../api/schema'

export type GrantKey = keyof Grants

/** What each grant lets a plugin do, as a sentence. */
const SENTENCES: Record<GrantKey, string> = {
  log: 'Write to the server’s log',
  kv: 'Keep a small state of its own',
  progress: 'Report how far long calls have come',
  secrets: 'Name these secrets',
  fetch: 'Send HTTP requests to these hosts',
  run: 'Run these programs on the server’s machine',
  containers: 'Use these container engines',
  archives: 'Make images and systems of these archives',
  workspace_files: 'Use the files of the caller’s workspace',
  workspace_run: 'Run programs in the caller’s workspace',
}

const KEYS = Object.keys(SENTENCES) as GrantKey[]

/** One grant: what the plugin asks for, what the operator gives, and whether its code can use it at all. */
export interface GrantRow {
  key: GrantKey
  sentence: string
  asked: { values: string[]; why: string } | undefined
  granted: string[]
  /** Whether all is granted that it asks for; a plugin without a manifest gets what is granted. */
  whole: boolean
  /** Whether its code has the interface. */
  used: boolean
}

export function grantRows(plugin: PluginInfo): GrantRow[] {
  return KEYS.flatMap(key => {
    const request = plugin.requests.find(({ grant }) => grant === key)
    const granted = valuesOf(plugin.grants[key])
    const asked = request && { values: request.values ?? [], why: request.why }
    const used = plugin.imports.some(({ grant }) => grant?.startsWith(`grants.${key} `))
    if (!asked && granted.length === 0 && !used) return []
    // What is asked for without values is the operator's to choose, and nothing is a choice.
    const open = asked !== undefined && asked.values.length === 0 && !isFlag(key)
    const whole = asked
      ? open ||
        (granted.length > 0 && (holds(key, granted) || asked.values.every(value => granted.includes(value))))
      : !used || granted.length > 0
    return [{ key, sentence: SENTENCES[key], asked, granted, whole, used }]
  })
}

/** `true`, a word, a list: as a list of words. */
function valuesOf(value: Grants[GrantKey] | null | undefined): string[] {
  if (Array.isArray(value)) return value
  if (typeof value === 'string') return [value]
  return value ? ['yes'] : []
}

/** Whether a grant is given or not, without naming anything. */
export const isFlag = (key: GrantKey) => ['log', 'kv', 'progress', 'workspace_run'].includes(key)

/** Grants that have no values of their own, and writing, which holds reading. */
const holds = (key: GrantKey, granted: string[]) =>
  isFlag(key) || (key === 'workspace_files' && granted.includes('write'))

/** The lines that grant what is missing, to be put into the configuration; undefined where nothing is missing. */
export function missingToml(plugin: PluginInfo): string | undefined {
  const missing = grantRows(plugin).filter(({ whole }) => !whole)
  if (missing.length === 0) return undefined
  const lines = missing.map(({ key, asked, granted }) => {
    if (isFlag(key)) return `grants.${key} = true`
    if (key === 'workspace_files') return `grants.${key} = ${quoted(asked?.values.at(-1) ?? 'read')}`
    const all = [...new Set([...granted, ...(asked?.values ?? [])])]
    return all.length > 0
      ? `grants.${key} = [${all.map(quoted).join(', ')}]`
      : `grants.${key} = []   # name what it may use`
  })
  return [`[[plugin]]`, `id = ${quoted(plugin.id)}`, ...lines].join('\n')
}

/** A string of TOML. JSON's escapes are among TOML's. */
const quoted = (text: string) => JSON.stringify(text)

/** What may do harm together though each alone does not. */
export function together(plugin: PluginInfo): string | undefined {
  const { secrets, fetch, workspace_files } = plugin.grants
  if ((fetch?.length ?? 0) === 0) return undefined
  const holds = [
    (secrets?.length ?? 0) > 0 && 'these secrets',
    workspace_files && 'the files of workspaces',
  ].filter(Boolean)
  return holds.length > 0
    ? `Together these grants let it send ${holds.join(' and ')} to the hosts that it may reach.`
    : undefined
}
