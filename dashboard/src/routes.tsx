import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { Shell } from './shell/Shell'
import { Empty, Failed, Page } from './ui/states'

const root = createRootRoute({
  component: Shell,
  notFoundComponent: () => (
    <Page title="Nothing here" ready>
      <Empty title="There is no such page">
        <p>
          The address may be old. <a href="/">Missions</a> are where everything begins.
        </p>
      </Empty>
    </Page>
  ),
  errorComponent: ({ error, reset }) => (
    <Page title="This page broke" ready>
      <Failed error={error} retry={reset} />
    </Page>
  ),
})

/** One of the words that a page knows; anything else in an address is nothing said. */
const one =
  <T extends string>(...words: T[]) =>
  (value: unknown) =>
    words.find(word => word === value)

const number = (value: unknown) =>
  Number.isSafeInteger(Number(value)) && Number(value) > 0 ? Number(value) : undefined

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

const day = (value: unknown) =>
  typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) ? value : undefined

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  validateSearch: (search): { q?: string; group?: string; workspace?: string; harness?: string } => ({
    q: text(search.q),
    group: text(search.group),
    workspace: text(search.workspace),
    harness: text(search.harness),
  }),
  component: lazyRouteComponent(() => import('./pages/Home'), 'Home'),
})

const mission = createRoute({
  getParentRoute: () => root,
  path: '/missions/$id',
  validateSearch: (search): { at?: number; panel?: string; turn?: number; wide?: boolean } => ({
    at: number(search.at),
    panel: text(search.panel),
    turn: number(search.turn),
    wide: search.wide === true || undefined,
  }),
  component: lazyRouteComponent(() => import('./pages/Mission'), 'MissionPage'),
})

const create = createRoute({
  getParentRoute: () => root,
  path: '/new',
  validateSearch: (search): { workspace?: string; harness?: string; prompt?: string } => ({
    workspace: text(search.workspace),
    harness: text(search.harness),
    prompt: text(search.prompt),
  }),
  component: lazyRouteComponent(() => import('./pages/NewMission'), 'NewMission'),
})

const inbox = createRoute({
  getParentRoute: () => root,
  path: '/inbox',
  component: lazyRouteComponent(() => import('./pages/Inbox'), 'Inbox'),
})

const welcome = createRoute({
  getParentRoute: () => root,
  path: '/welcome',
  component: lazyRouteComponent(() => import('./pages/Welcome'), 'Welcome'),
})

const workspacesTab = one('templates', 'snapshots', 'leftovers')
const workspaces = createRoute({
  getParentRoute: () => root,
  path: '/workspaces',
  validateSearch: (search): { tab?: ReturnType<typeof workspacesTab>; q?: string } => ({
    tab: workspacesTab(search.tab),
    q: text(search.q),
  }),
  component: lazyRouteComponent(() => import('./pages/Workspaces'), 'Workspaces'),
})

const newWorkspace = createRoute({
  getParentRoute: () => root,
  path: '/workspaces/new',
  validateSearch: (search): { template?: string } => ({ template: text(search.template) }),
  component: lazyRouteComponent(() => import('./pages/NewWorkspace'), 'NewWorkspace'),
})

const workspaceTab = one(
  'overview',
  'files',
  'terminal',
  'processes',
  'ports',
  'snapshots',
  'network',
  'build',
)
const workspace = createRoute({
  getParentRoute: () => root,
  path: '/workspaces/$id',
  validateSearch: (
    search,
  ): { tab?: ReturnType<typeof workspaceTab>; path?: string; file?: string; process?: string } => ({
    tab: workspaceTab(search.tab),
    path: text(search.path),
    file: text(search.file),
    process: text(search.process),
  }),
  component: lazyRouteComponent(() => import('./pages/Workspace'), 'WorkspacePage'),
})

const newTemplate = createRoute({
  getParentRoute: () => root,
  path: '/templates/new',
  component: lazyRouteComponent(() => import('./pages/Template'), 'NewTemplate'),
})

const template = createRoute({
  getParentRoute: () => root,
  path: '/templates/$name',
  validateSearch: (search): { version?: number } => ({ version: number(search.version) }),
  component: lazyRouteComponent(() => import('./pages/Template'), 'TemplatePage'),
})

const harnessesTab = one('accounts', 'models')
const harnesses = createRoute({
  getParentRoute: () => root,
  path: '/harnesses',
  validateSearch: (search): { tab?: ReturnType<typeof harnessesTab>; q?: string } => ({
    tab: harnessesTab(search.tab),
    q: text(search.q),
  }),
  component: lazyRouteComponent(() => import('./pages/Harnesses'), 'Harnesses'),
})

const harness = createRoute({
  getParentRoute: () => root,
  path: '/harnesses/$id',
  component: lazyRouteComponent(() => import('./pages/Harness'), 'HarnessPage'),
})

const plugins = createRoute({
  getParentRoute: () => root,
  path: '/plugins',
  component: lazyRouteComponent(() => import('./pages/Plugins'), 'Plugins'),
})

const plugin = createRoute({
  getParentRoute: () => root,
  path: '/plugins/$id',
  component: lazyRouteComponent(() => import('./pages/Plugin'), 'PluginPage'),
})

const secrets = createRoute({
  getParentRoute: () => root,
  path: '/secrets',
  validateSearch: (search): { name?: string } => ({ name: text(search.name) }),
  component: lazyRouteComponent(() => import('./pages/Secrets'), 'Secrets'),
})

const by = one('mission', 'account', 'harness', 'user', 'day')
const usage = createRoute({
  getParentRoute: () => root,
  path: '/usage',
  validateSearch: (search): { from?: string; to?: string; by?: ReturnType<typeof by> } => ({
    from: day(search.from),
    to: day(search.to),
    by: by(search.by),
  }),
  component: lazyRouteComponent(() => import('./pages/Usage'), 'Usage'),
})

const systemTab = one('metrics', 'audit', 'tokens', 'backup')
const system = createRoute({
  getParentRoute: () => root,
  path: '/system',
  validateSearch: (search): { tab?: ReturnType<typeof systemTab> } => ({ tab: systemTab(search.tab) }),
  component: lazyRouteComponent(() => import('./pages/System'), 'System'),
})

const settings = createRoute({
  getParentRoute: () => root,
  path: '/settings',
  component: lazyRouteComponent(() => import('./pages/Settings'), 'Settings'),
})

/** All pages. What a page needs besides is loaded with it. */
const tree = root.addChildren([
  home,
  mission,
  create,
  inbox,
  welcome,
  workspaces,
  newWorkspace,
  workspace,
  newTemplate,
  template,
  harnesses,
  harness,
  plugins,
  plugin,
  secrets,
  usage,
  system,
  settings,
])

export const router = createRouter({ routeTree: tree, defaultPreload: 'intent', scrollRestoration: true })

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
