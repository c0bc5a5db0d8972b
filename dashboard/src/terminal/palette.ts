import type { ITheme } from '@xterm/xterm'

/** A terminal's colours, out of the page's. */
export function palette(): ITheme {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim()
  const ink = colour('ink1')
  return {
    background: colour('bg1'),
    foreground: ink,
    cursor: ink,
    cursorAccent: colour('bg1'),
    selectionBackground: `${colour('accent')}55`,
    black: colour('bg2'),
    brightBlack: colour('ink3'),
    red: colour('fail'),
    brightRed: colour('fail'),
    green: colour('ok'),
    brightGreen: colour('ok'),
    yellow: colour('need'),
    brightYellow: colour('need'),
    blue: colour('accent'),
    brightBlue: colour('accent'),
    magenta: colour('code'),
    brightMagenta: colour('code'),
    cyan: colour('accent'),
    brightCyan: colour('accent'),
    white: colour('ink2'),
    brightWhite: ink,
  }
}
