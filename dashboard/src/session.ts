import { Signal } from './signal'

/** Whether somebody is signed in: `unknown` until the server has said so. */
export type SessionState = 'unknown' | 'in' | 'out' | 'ended'

/** The login of this browser. The cookie itself is out of reach for scripts. */
class SessionSignal extends Signal<SessionState> {
  /** The server knows the login no longer. Somebody who was signed in keeps the page that they see. */
  ended() {
    this.set(this.value === 'in' || this.value === 'ended' ? 'ended' : 'out')
  }
}

export const session = new SessionSignal('unknown')
