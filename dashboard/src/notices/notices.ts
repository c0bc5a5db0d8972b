import type { Mission } from '../api/schema'
import { onMissions } from '../live/connection'
import { Preference } from '../preference'

/** What is told about while nobody looks at the page. */
export const noticesOf = new Preference('notices', ['off', 'need', 'all'])
/** Whether there is a sound with it. */
export const sound = new Preference('sound', ['off', 'on'])

/** Whether this page could show notices: browsers let only pages of https and of this machine. */
export const canNotify = () => isSecureContext && 'Notification' in window

export type Told = 'need' | 'done' | 'failed'

/** What is worth telling when a mission changes. */
export function news(before: Mission['state'] | undefined, after: Mission): Told | undefined {
  if (before === undefined || before === after.state) return undefined
  if (after.state === 'awaiting_approval' || after.state === 'interrupted') return 'need'
  if (after.state === 'failed') return 'failed'
  if (after.state === 'done' || after.state === 'awaiting_user') return 'done'
  return undefined
}

const WORDS: Record<Told, string> = { need: 'Needs you', done: 'Done', failed: 'Failed' }
/** Two tones for what waits, one for what ended. */
const TONES: Record<Told, number[]> = { need: [660, 880], done: [520], failed: [330] }

/** Tells of missions. A mission that is on the screen needs no telling. */
export function keepNotices(): () => void {
  const states = new Map<string, Mission['state']>()
  return onMissions(missions => {
    for (const mission of missions) {
      const told = news(states.get(mission.id), mission)
      states.set(mission.id, mission.state)
      if (!told || isSeen(mission.id)) continue
      if (noticesOf.value === 'off' || (noticesOf.value === 'need' && told !== 'need')) continue
      show(mission, told)
    }
  })
}

const isSeen = (id: string) => !document.hidden && location.pathname === `/missions/${id}`

function show(mission: Mission, told: Told) {
  if (sound.value === 'on') play(TONES[told])
  if (!canNotify() || Notification.permission !== 'granted' || !document.hidden) return
  const notice = new Notification(WORDS[told], { body: mission.title, tag: mission.id })
  notice.onclick = () => {
    window.focus()
    location.assign(`/missions/${mission.id}`)
  }
}

let audio: AudioContext | undefined

/** Short tones, made here: no file is loaded for them. */
export function play(tones: number[]) {
  audio ??= new AudioContext()
  tones.forEach((frequency, index) => {
    if (!audio) return
    const at = audio.currentTime + index * 0.16
    const tone = audio.createOscillator()
    const volume = audio.createGain()
    tone.frequency.value = frequency
    volume.gain.setValueAtTime(0.08, at)
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.15)
    tone.connect(volume).connect(audio.destination)
    tone.start(at)
    tone.stop(at + 0.16)
  })
}
