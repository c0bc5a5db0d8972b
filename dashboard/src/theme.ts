import { Preference } from './preference'
import { Signal } from './signal'

export type Theme = 'system' | 'dark' | 'light'

const light = matchMedia('(prefers-color-scheme: light)')

// `public/theme.js` does the same before the first paint.
export const theme = new Preference<Theme>('theme', ['system', 'dark', 'light'])
/** How close together things are. */
export const density = new Preference('density', ['comfortable', 'compact'])
/** Whether anything moves by itself; `system` is what the browser was told. */
export const motion = new Preference('motion', ['system', 'none'])

/** The theme that is to be seen. */
export const shownTheme = new Signal<'dark' | 'light'>('dark')

function apply() {
  const shown = theme.value === 'system' ? (light.matches ? 'light' : 'dark') : theme.value
  const { dataset } = document.documentElement
  dataset.theme = shown
  dataset.density = density.value
  dataset.motion = motion.value
  const colour = document.querySelector<HTMLMetaElement>('meta[name=theme-color]')
  if (colour) colour.content = shown === 'light' ? '#f5f4ee' : '#131412'
  shownTheme.set(shown)
}

for (const preference of [theme, density, motion]) preference.subscribe(apply)
light.addEventListener('change', apply)
apply()
