import { useEffect, useRef } from 'react'
import { singleKeys } from './singleKeys'

/** Where a key works. */
export type KeyPlace = 'everywhere' | 'lists' | 'mission' | 'review' | 'approvals'

/** One key, or two that are pressed one after the other. `mod` is Ctrl, and Cmd on a Mac. */
export interface KeyEntry {
  keys: string
  does: string
  where: KeyPlace
}

/** All keys. Handlers, tooltips, the palette and the sheet read this table. */
export const KEYS = {
  palette: { keys: 'mod+k', does: 'Search and run commands', where: 'everywhere' },
  help: { keys: '?', does: 'Show all keys', where: 'everywhere' },
  create: { keys: 'c', does: 'New mission', where: 'everywhere' },
  filter: { keys: '/', does: 'Search on this page', where: 'everywhere' },
  next: { keys: 'mod+j', does: 'Next mission that needs you', where: 'everywhere' },
  sidebar: { keys: 'mod+b', does: 'Show or hide the sidebar', where: 'everywhere' },
  goMissions: { keys: 'g m', does: 'Go to missions', where: 'everywhere' },
  goInbox: { keys: 'g i', does: 'Go to the inbox', where: 'everywhere' },
  goWorkspaces: { keys: 'g w', does: 'Go to workspaces', where: 'everywhere' },
  goPlugins: { keys: 'g p', does: 'Go to plugins', where: 'everywhere' },
  goHarnesses: { keys: 'g h', does: 'Go to agents and providers', where: 'everywhere' },
  goSecrets: { keys: 'g e', does: 'Go to secrets', where: 'everywhere' },
  goUsage: { keys: 'g u', does: 'Go to usage', where: 'everywhere' },
  goSystem: { keys: 'g y', does: 'Go to system', where: 'everywhere' },
  goSettings: { keys: 'g s', does: 'Go to settings', where: 'everywhere' },
  down: { keys: 'j', does: 'Next row', where: 'lists' },
  up: { keys: 'k', does: 'Previous row', where: 'lists' },
  select: { keys: 'x', does: 'Select the row', where: 'lists' },
  parent: { keys: 'u', does: 'Up a folder', where: 'lists' },
  compose: { keys: 'i', does: 'Write a message', where: 'mission' },
  interrupt: { keys: 'mod+.', does: 'Interrupt the turn', where: 'mission' },
  live: { keys: 'Shift+g', does: 'Jump to the end', where: 'mission' },
  find: { keys: 'f', does: 'Search in the transcript', where: 'mission' },
  previousTurn: { keys: '[', does: 'Previous turn', where: 'mission' },
  nextTurn: { keys: ']', does: 'Next turn', where: 'mission' },
  expand: { keys: 'o', does: 'Open or close all tool calls', where: 'mission' },
  panel: { keys: 'p', does: 'Show or hide the panel', where: 'mission' },
  nextChange: { keys: 'n', does: 'Next change', where: 'review' },
  previousChange: { keys: 'Shift+n', does: 'Previous change', where: 'review' },
  nextFile: { keys: 'Shift+j', does: 'Next file', where: 'review' },
  previousFile: { keys: 'Shift+k', does: 'Previous file', where: 'review' },
  remark: { keys: 'r', does: 'Comment on the line, or on all from the selected one', where: 'review' },
  sendReview: { keys: 'Shift+r', does: 'Send all comments to the agent', where: 'review' },
  allow: { keys: 'a', does: 'Allow once', where: 'approvals' },
  allowMission: { keys: 'Shift+a', does: 'Allow for this mission', where: 'approvals' },
  deny: { keys: 'd', does: 'Deny', where: 'approvals' },
} satisfies Record<string, KeyEntry>

export type KeyName = keyof typeof KEYS

const mac = /Mac|iPhone|iPad/.test(navigator.platform)

/** A key as people read it. */
export function shown(name: KeyName): string {
  return KEYS[name].keys
    .replace(/\+([a-z])/, (_, letter: string) => `+${letter.toUpperCase()}`)
    .replace('mod', mac ? '⌘' : 'Ctrl')
}

/** For `aria-keyshortcuts`. */
export const spoken = (name: KeyName) =>
  KEYS[name].keys.replace('mod', mac ? 'Meta' : 'Control').replace(' ', ', ')

export type KeyHandlers = Partial<Record<KeyName, () => void>>

const stack: { current: KeyHandlers }[] = []

/** Handles keys as long as the component is there. What was mounted last goes first. */
export function useKeys(handlers: KeyHandlers) {
  const latest = useRef(handlers)
  useEffect(() => {
    latest.current = handlers
  })
  useEffect(() => {
    stack.push(latest)
    return () => {
      stack.splice(stack.indexOf(latest), 1)
    }
  }, [])
}

/** How long the second of two keys may take. */
const SEQUENCE = 1000
let first = ''
let firstAt = 0

/** Which key an event is, in the words of the table. */
export function nameOf(event: KeyboardEvent): string {
  const mod = mac ? event.metaKey : event.ctrlKey
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
  if (mod) return `mod+${key}`
  return event.shiftKey && /^[a-z]$/.test(key) ? `Shift+${key}` : key
}

/** Whether single keys are text here. */
function isTyping(event: KeyboardEvent): boolean {
  const target = event.target
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.closest('input, textarea, select, [data-keys=own]') !== null)
  )
}

export function handleKey(event: KeyboardEvent) {
  if (event.defaultPrevented || event.isComposing || event.altKey || (mac ? event.ctrlKey : event.metaKey))
    return
  const pressed = nameOf(event)
  if ((isTyping(event) || singleKeys.value === 'off') && !pressed.startsWith('mod+')) return
  const now = Date.now()
  const sequence = first && now - firstAt < SEQUENCE ? `${first} ${pressed}` : ''
  first = ''
  const named = (keys: string) => (Object.keys(KEYS) as KeyName[]).find(name => KEYS[name].keys === keys)
  const name = (sequence && named(sequence)) || named(pressed)
  if (name) {
    const handler = [...stack].reverse().find(handlers => handlers.current[name])?.current[name]
    if (handler) {
      event.preventDefault()
      handler()
    }
    return
  }
  if (Object.values(KEYS).some(entry => entry.keys.startsWith(`${pressed} `))) {
    first = pressed
    firstAt = now
  }
}
