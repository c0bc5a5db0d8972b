import { useState } from 'react'
import { canNotify, noticesOf, play, sound } from '../notices/notices'
import type { Preference } from '../preference'
import { KeyTable } from '../shell/KeySheet'
import { singleKeys } from '../shell/singleKeys'
import { useSignal } from '../signal'
import { density, motion, theme } from '../theme'
import { Section } from '../ui/Section'
import { Page } from '../ui/states'
import '../ui/parts.css'

/** What this browser shows, and how. Nothing here is kept on the server. */
export function Settings() {
  return (
    <Page title="Settings" ready>
      <p className="soft about">
        These are settings of this browser. What the server does is said in its configuration file.
      </p>
      <Section title="Appearance">
        <Choice
          legend="Theme"
          preference={theme}
          words={{ system: 'As the system', dark: 'Dark', light: 'Light' }}
        />
        <Choice
          legend="Density"
          preference={density}
          words={{ comfortable: 'Comfortable', compact: 'Compact: more rows on the screen' }}
        />
        <Choice
          legend="Motion"
          preference={motion}
          words={{ system: 'As the system', none: 'Nothing moves by itself' }}
        />
      </Section>
      <Notices />
      <Section title="Keys">
        <Choice
          legend="Keys without Ctrl or Cmd"
          preference={singleKeys}
          words={{ on: 'Work outside of text', off: 'Do nothing' }}
        />
        <KeyTable />
      </Section>
    </Page>
  )
}

function Choice<T extends string>(props: {
  legend: string
  preference: Preference<T>
  words: Record<T, string>
  onChoose?: (value: T) => void
}) {
  const { legend, preference, words } = props
  const now = useSignal(preference)
  return (
    <fieldset className="choices">
      <legend>{legend}</legend>
      {preference.values.map(value => (
        <label key={value} className="choice">
          <input
            type="radio"
            name={preference.name}
            checked={value === now}
            onChange={() => {
              preference.set(value)
              props.onChoose?.(value)
            }}
          />
          <span>{words[value]}</span>
        </label>
      ))}
    </fieldset>
  )
}

function Notices() {
  const able = canNotify()
  const [permission, setPermission] = useState(able ? Notification.permission : 'denied')
  const chosen = useSignal(noticesOf)
  const ask = (value: string) => {
    if (value !== 'off' && able && Notification.permission === 'default') {
      void Notification.requestPermission().then(setPermission)
    }
  }
  return (
    <Section
      title="Notices"
      about="While this page is open, and you look at something else. A mission that you see tells nothing."
    >
      <Choice
        legend="Tell me when"
        preference={noticesOf}
        words={{ off: 'Nothing', need: 'A mission needs me', all: 'A mission needs me, ends or fails' }}
        onChoose={ask}
      />
      {chosen !== 'off' && !able && (
        <p className="soft">
          This page is served over plain HTTP, where browsers show no notices. The title of the tab and the
          sound still tell.
        </p>
      )}
      {chosen !== 'off' && able && permission === 'denied' && (
        <p className="soft">
          This browser was told to show none of this page. Allow them in its settings for this site.
        </p>
      )}
      {chosen !== 'off' && able && permission === 'default' && (
        <div>
          <button type="button" className="button small" onClick={() => ask('need')}>
            Let the browser show them
          </button>
        </div>
      )}
      <Choice
        legend="Sound"
        preference={sound}
        words={{ off: 'None', on: 'Two tones when it needs me, one when it ends' }}
        onChoose={value => value === 'on' && play([660, 880])}
      />
    </Section>
  )
}
