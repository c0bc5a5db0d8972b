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

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

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
  validateSearch: (search): { at?: number; panel?: string } => ({
    at: Number.isSafeInteger(Number(search.at)) && Number(search.at) > 0 ? Number(search.at) : undefined,
    panel: text(search.panel),
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

/** All pages. What a page needs besides is loaded with it. */
const tree = root.addChildren([home, mission, create, inbox, welcome])

export const router = createRouter({ routeTree: tree, defaultPreload: 'intent', scrollRestoration: true })

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
