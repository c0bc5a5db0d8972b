import { Signal } from './signal'

export type Theme = 'system' | 'dark' | 'light'

const light = matchMedia('(prefers-color-scheme: light)')

function stored(): Theme {
  try {
    const theme = localStorage.getItem('theme')
    return theme === 'dark' || theme === 'light' ? theme : 'system'
  } catch {
    return 'system'
  }
}

/** What this browser shows; `public/theme.js` does the same before the first paint. */
export const theme = new Signal<Theme>(stored())

function apply() {
  const shown = theme.value === 'system' ? (light.matches ? 'light' : 'dark') : theme.value
  document.documentElement.dataset.theme = shown
  const colour = document.querySelector<HTMLMetaElement>('meta[name=theme-color]')
  if (colour) colour.content = shown === 'light' ? '#f5f4ee' : '#131412'
}

theme.subscribe(() => {
  try {
    localStorage.setItem('theme', theme.value)
  } catch {
    // It holds until the page is left.
  }
  apply()
})
light.addEventListener('change', apply)
