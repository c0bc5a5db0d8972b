/** Languages that are known, with the endings of their files and the names that fences have for them. */
const LANGUAGES = {
  bash: 'sh bash zsh ksh shell console env bats',
  c: 'c h',
  cpp: 'cc cpp cxx hh hpp hxx ino',
  csharp: 'cs',
  css: 'css',
  diff: 'diff patch',
  dockerfile: 'dockerfile containerfile',
  elixir: 'ex exs',
  go: 'go golang',
  graphql: 'graphql gql',
  ini: 'ini toml cfg conf editorconfig service',
  java: 'java',
  javascript: 'js jsx mjs cjs javascript node',
  json: 'json jsonc json5 jsonl ndjson webmanifest',
  kotlin: 'kt kts',
  lua: 'lua',
  makefile: 'makefile mk make',
  markdown: 'md markdown mdx',
  nix: 'nix',
  php: 'php',
  python: 'py pyi python py3',
  ruby: 'rb ruby rake gemspec',
  rust: 'rs rust',
  scss: 'scss sass less',
  sql: 'sql',
  swift: 'swift',
  typescript: 'ts tsx mts cts typescript',
  xml: 'xml html htm xhtml svg vue svelte',
  yaml: 'yaml yml',
} as const

export type Language = keyof typeof LANGUAGES

const NAMES = new Map<string, Language>()
for (const [language, names] of Object.entries(LANGUAGES) as [Language, string][]) {
  NAMES.set(language, language)
  for (const name of names.split(' ')) NAMES.set(name, language)
}

/** The language that somebody names. */
export const languageNamed = (name: string | undefined): Language | undefined =>
  name === undefined ? undefined : NAMES.get(name.toLowerCase())

/** The language of a file by its name. */
export function languageOf(path: string): Language | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase()
  if (/^(docker|container)file\b/.test(name)) return 'dockerfile'
  if (/^(gnu)?makefile$/.test(name)) return 'makefile'
  if (/^\.(bash|zsh|profile|env)/.test(name)) return 'bash'
  return name.includes('.') ? NAMES.get(name.slice(name.lastIndexOf('.') + 1)) : undefined
}
