import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router'
import { Monitor, Moon, MoreHorizontal, Plus, Sun } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
import { api, call } from '../api/client'
import { link } from '../live/connection'
import { openMissions, useNeeding } from '../missions/queries'
import { session } from '../session'
import { useSignal } from '../signal'
import { type Theme, theme } from '../theme'
import { Dialog } from '../ui/Dialog'
import { age } from '../ui/format'
import { useNow } from '../ui/now'
import { LiveMark } from '../ui/states'
import { type Command, offered, useCommands } from './commands'
import { KeySheet } from './KeySheet'
import { handleKey, type KeyName, shown, spoken, useKeys } from './keys'
import { usePlaces } from './nav'
import { Palette } from './Palette'
import { Mark, SignInForm } from './SignIn'
import { StatusLine, Toasts, tell, tellFailure } from './toasts'

/** What is around every page. */
export function Shell() {
  const navigate = useNavigate()
  const places = usePlaces()
  const state = useSignal(session)
  const [open, setOpen] = useState<'palette' | 'keys' | 'more' | undefined>()
  const [narrow, setNarrow] = useState(false)
  const needing = useNeeding()
  const here = useRouterState({ select: router => router.location.pathname })
  const { data: missions } = useQuery(openMissions)

  useEffect(() => {
    addEventListener('keydown', handleKey)
    return () => removeEventListener('keydown', handleKey)
  }, [])

  useEffect(() => {
    const prefix = needing.length > 0 ? `(${needing.length}) ` : ''
    const set = () => {
      const bare = document.title.replace(/^\(\d+\) /, '')
      if (document.title !== prefix + bare) document.title = prefix + bare
    }
    set()
    const title = document.querySelector('title')
    if (!title) return
    const observer = new MutationObserver(set)
    observer.observe(title, { childList: true })
    return () => observer.disconnect()
  }, [needing.length])

  const toNext = () => {
    const at = needing.findIndex(({ id }) => here === `/missions/${id}`)
    const next = needing[(at + 1) % needing.length]
    if (next) void navigate({ to: '/missions/$id', params: { id: next.id } })
    else tell('Nothing needs you.')
  }
  const pages = Object.fromEntries(
    places.map(({ to, key }) => [key, () => void navigate({ to })]),
  ) as Partial<Record<KeyName, () => void>>
  useKeys({
    palette: () => setOpen('palette'),
    help: () => setOpen('keys'),
    create: () => void navigate({ to: '/new' }),
    sidebar: () => setNarrow(!narrow),
    next: toNext,
    ...pages,
  })
  const setTheme = (to: Theme) => () => theme.set(to)
  useCommands([
    {
      id: 'new',
      title: 'New mission',
      keys: shown('create'),
      group: 'Actions',
      run: () => void navigate({ to: '/new' }),
    },
    { id: 'next', title: 'Next mission that needs you', keys: shown('next'), group: 'Actions', run: toNext },
    { id: 'welcome', title: 'Welcome', group: 'Pages', run: () => void navigate({ to: '/welcome' }) },
    { id: 'keys', title: 'Show all keys', keys: shown('help'), group: 'Actions', run: () => setOpen('keys') },
    { id: 'dark', title: 'Dark theme', group: 'Actions', run: setTheme('dark') },
    { id: 'light', title: 'Light theme', group: 'Actions', run: setTheme('light') },
    { id: 'system', title: 'Theme of the system', group: 'Actions', run: setTheme('system') },
    ...places.map(
      (place): Command => ({
        id: `page-${place.to}`,
        title: place.title,
        keys: shown(place.key),
        group: 'Pages',
        run: () => void navigate({ to: place.to }),
      }),
    ),
    ...(missions?.items ?? []).map(
      (mission): Command => ({
        id: mission.id,
        title: mission.title,
        detail: `${mission.harness} · ${mission.state.replace('_', ' ')}`,
        group: 'Missions',
        run: () => void navigate({ to: '/missions/$id', params: { id: mission.id } }),
      }),
    ),
  ])

  return (
    <div className={narrow ? 'shell narrow' : 'shell'}>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <Sidebar needing={needing.length} onSearch={() => setOpen('palette')} />
      <div className="content">
        <Banner />
        <Outlet />
      </div>
      <nav className="phone-bar" aria-label="Pages">
        {places
          .filter(place => place.phone)
          .map(place => (
            <Link key={place.to} to={place.to} activeOptions={{ exact: place.to === '/' }}>
              <place.icon className="icon" aria-hidden />
              {place.title}
              {place.to === '/inbox' && needing.length > 0 && <span className="badge">{needing.length}</span>}
            </Link>
          ))}
        <Link to="/new">
          <Plus className="icon" aria-hidden />
          New
        </Link>
        <button type="button" onClick={() => setOpen('more')}>
          <MoreHorizontal className="icon" aria-hidden />
          More
        </button>
      </nav>
      <Toasts />
      <StatusLine />
      {open === 'palette' && <OpenPalette onClose={() => setOpen(undefined)} />}
      {open === 'keys' && <KeySheet onClose={() => setOpen(undefined)} />}
      {open === 'more' && (
        <Dialog title="More" onClose={() => setOpen(undefined)}>
          <div className="dialog-body phone-places">
            <nav aria-label="More pages">
              {places
                .filter(place => !place.phone)
                .map(place => (
                  <Link key={place.to} to={place.to} className="place" onClick={() => setOpen(undefined)}>
                    <place.icon className="icon" aria-hidden />
                    {place.title}
                  </Link>
                ))}
            </nav>
            <div className="row">
              <ThemeButton />
              <SignOut />
            </div>
          </div>
        </Dialog>
      )}
      {state === 'ended' && (
        <Dialog title="Your login has ended" onClose={() => {}} modalOnly>
          <div className="dialog-body">
            <p className="soft">Sign in again: this page stays as it is.</p>
            <SignInForm />
          </div>
        </Dialog>
      )}
    </div>
  )
}

function OpenPalette(props: { onClose: () => void }) {
  const commands = useMemo(offered, [])
  return <Palette commands={commands} onClose={props.onClose} />
}

function Sidebar(props: { needing: number; onSearch: () => void }) {
  const places = usePlaces()
  const { data } = useQuery(openMissions)
  const now = useNow(10_000)
  const running = (data?.items ?? []).filter(
    ({ state }) => state === 'running' || state === 'awaiting_approval',
  )
  return (
    <aside className="sidebar" aria-label="Sidebar">
      <Link to="/" className="brand">
        <Mark />
        sandboxed.sh
      </Link>
      <nav aria-label="Pages">
        {(['work', 'parts', 'server'] as const)
          .filter(group => places.some(place => place.group === group))
          .map(group => (
            <ul key={group} className="places">
              {places
                .filter(place => place.group === group)
                .map(place => (
                  <li key={place.to}>
                    <Link
                      to={place.to}
                      className="place"
                      activeOptions={{ exact: place.to === '/', includeSearch: false }}
                      title={`${place.title} (${shown(place.key)})`}
                      aria-keyshortcuts={spoken(place.key)}
                    >
                      <place.icon className="icon" aria-hidden />
                      {place.title}
                      {place.to === '/inbox' && props.needing > 0 && (
                        <span className="badge">
                          {props.needing}
                          <span className="hidden"> waiting</span>
                        </span>
                      )}
                    </Link>
                  </li>
                ))}
            </ul>
          ))}
      </nav>
      {running.length > 0 && (
        <section className="running-list">
          <h2>Under way</h2>
          <ul>
            {running.slice(0, 8).map(mission => (
              <li key={mission.id}>
                <Link to="/missions/$id" params={{ id: mission.id }} className="place" title={mission.title}>
                  <span
                    className={mission.state === 'running' ? 'state running' : 'state need'}
                    role="img"
                    aria-label={mission.state === 'running' ? 'Running:' : 'Needs you:'}
                  >
                    <span aria-hidden>{mission.state === 'running' ? '●' : '▲'}</span>
                  </span>
                  <span className="cut grow">{mission.title}</span>
                  <span className="dim num">{age(now - Date.parse(mission.created_at))}</span>
                </Link>
              </li>
            ))}
          </ul>
        </section>
      )}
      <div className="sidebar-foot">
        <button
          type="button"
          className="search-button"
          onClick={props.onSearch}
          aria-keyshortcuts={spoken('palette')}
        >
          Search or run <kbd>{shown('palette')}</kbd>
        </button>
        <div className="who">
          <LiveMark />
          <span className="row">
            <ThemeButton />
            <SignOut />
          </span>
        </div>
      </div>
    </aside>
  )
}

const THEMES: Record<Theme, { next: Theme; icon: typeof Sun; word: string }> = {
  system: { next: 'dark', icon: Monitor, word: 'Theme: as the system' },
  dark: { next: 'light', icon: Moon, word: 'Theme: dark' },
  light: { next: 'system', icon: Sun, word: 'Theme: light' },
}

function ThemeButton() {
  const { next, icon: Icon, word } = THEMES[useSignal(theme)]
  return (
    <button
      type="button"
      className="button bare small"
      title={word}
      aria-label={word}
      onClick={() => theme.set(next)}
    >
      <Icon className="icon" aria-hidden />
    </button>
  )
}

function SignOut() {
  const queries = useQueryClient()
  const signOut = useMutation({
    mutationFn: () => call(api.POST('/api/v1/auth/logout')),
    onSuccess: () => {
      session.set('out')
      queries.clear()
    },
    onError: tellFailure,
  })
  return (
    <button
      type="button"
      className="button bare small"
      disabled={signOut.isPending}
      onClick={() => signOut.mutate()}
    >
      Sign out
    </button>
  )
}

/** What is told at the top of every page while the stream is not there. */
function Banner() {
  const { state, since } = useSignal(link)
  const now = useNow(1000)
  if (state === 'live' || state === 'denied' || now - since < 1000) return null
  return (
    <div className="banner" role="alert">
      <LiveMark />
    </div>
  )
}
