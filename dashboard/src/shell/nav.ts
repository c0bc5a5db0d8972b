import { useRouter } from '@tanstack/react-router'
import {
  Activity,
  Blocks,
  Bot,
  Boxes,
  Coins,
  Inbox,
  KeyRound,
  LayoutList,
  type LucideIcon,
  Settings,
} from 'lucide-react'
import type { KeyName } from './keys'

/** A place in the sidebar and the palette. It is shown where `routes.tsx` has a page for it. */
export interface Place {
  to: string
  title: string
  icon: LucideIcon
  key: KeyName
  group: 'work' | 'parts' | 'server'
  /** Whether it is in the bar of a phone; the others are behind "More". */
  phone?: boolean
}

const PLACES: Place[] = [
  { to: '/inbox', title: 'Inbox', icon: Inbox, key: 'goInbox', group: 'work', phone: true },
  { to: '/', title: 'Missions', icon: LayoutList, key: 'goMissions', group: 'work', phone: true },
  { to: '/workspaces', title: 'Workspaces', icon: Boxes, key: 'goWorkspaces', group: 'work', phone: true },
  { to: '/harnesses', title: 'Agents', icon: Bot, key: 'goHarnesses', group: 'parts' },
  { to: '/plugins', title: 'Plugins', icon: Blocks, key: 'goPlugins', group: 'parts' },
  { to: '/secrets', title: 'Secrets', icon: KeyRound, key: 'goSecrets', group: 'parts' },
  { to: '/usage', title: 'Usage', icon: Coins, key: 'goUsage', group: 'server' },
  { to: '/system', title: 'System', icon: Activity, key: 'goSystem', group: 'server' },
  { to: '/settings', title: 'Settings', icon: Settings, key: 'goSettings', group: 'server' },
]

/** The places that this dashboard has. */
export function usePlaces(): Place[] {
  const { routesByPath } = useRouter()
  return PLACES.filter(place => place.to in routesByPath)
}
