import '@fontsource-variable/instrument-sans'
import '@fontsource-variable/jetbrains-mono'
import './styles/tokens.css'
import './styles/base.css'
import './shell/shell.css'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode, useEffect } from 'react'
import { createRoot } from 'react-dom/client'
import { api, call } from './api/client'
import { ProblemError } from './api/problem'
import { connect } from './live/connection'
import { keepMissions } from './missions/queries'
import { keepNotices } from './notices/notices'
import { router } from './routes'
import { session } from './session'
import { SignIn } from './shell/SignIn'
import { useSignal } from './signal'
import './theme'

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      // What the server refuses it refuses again.
      retry: (failures, error) =>
        failures < 3 && !(error instanceof ProblemError && error.status > 0 && error.status < 500),
    },
  },
})

keepMissions(queries)
keepNotices()

/** The first page of an unknown visitor is the sign-in; of anybody else, what they asked for. */
function Root() {
  const state = useSignal(session)
  useEffect(() => {
    if (state === 'in') connect()
  }, [state])
  if (state === 'unknown') return null
  return state === 'out' ? <SignIn /> : <RouterProvider router={router} />
}

const root = document.getElementById('root')
if (!root) throw new Error('the page has no place for the dashboard')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Root />
    </QueryClientProvider>
  </StrictMode>,
)

/** A page of an older build whose parts are gone loads itself anew, once. */
addEventListener('vite:preloadError', event => {
  event.preventDefault()
  if (sessionStorage.getItem('reloaded') === document.lastModified) return
  sessionStorage.setItem('reloaded', document.lastModified)
  location.reload()
})

async function begin() {
  try {
    await call(api.GET('/api/v1/auth/me'))
    session.set('in')
  } catch (error) {
    // A server that cannot be reached is told within the page, which goes on when it is there again.
    if (!(error instanceof ProblemError && error.status === 401)) session.set('in')
  }
}

void begin()
