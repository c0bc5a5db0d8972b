// Before the first paint, and in a file of its own: no script may stand in the page.
;(() => {
  const kept = name => {
    try {
      return localStorage.getItem(name)
    } catch {
      // A browser that keeps nothing gets what the system has.
      return null
    }
  }
  const { dataset } = document.documentElement
  const theme = kept('theme')
  dataset.theme =
    theme === 'dark' || theme === 'light'
      ? theme
      : matchMedia('(prefers-color-scheme: light)').matches
        ? 'light'
        : 'dark'
  dataset.density = kept('density') || 'comfortable'
  dataset.motion = kept('motion') || 'system'
})()
