/** A run of terminal text in one style. */
export interface Segment {
  text: string
  style: string
}

const ESC = '\u001b'
const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white']
const SEQUENCE =
  /\u001b(?:\[([0-9;:?<=>]*)[ -/]*([@-~])|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f]/g

/** Reads what a program printed for a terminal. Only colours and weight are kept; nothing else a terminal could be told
 * does anything here. */
export function segments(text: string): Segment[] {
  const found: Segment[] = []
  let colour = ''
  let bold = false
  const add = (raw: string) => {
    const clean = raw.replace(CONTROLS, '')
    if (clean) found.push({ text: clean, style: [colour, bold ? 'bold' : ''].filter(Boolean).join(' ') })
  }
  const lines = overwritten(text)
  if (!lines.includes(ESC)) {
    add(lines)
    return found
  }
  let from = 0
  for (const match of lines.matchAll(SEQUENCE)) {
    add(lines.slice(from, match.index))
    from = match.index + match[0].length
    if (match[2] !== 'm') continue
    const codes = (match[1] || '0').split(/[;:]/).map(Number)
    for (let at = 0; at < codes.length; at += 1) {
      const code = codes[at] ?? 0
      if (code === 0) [colour, bold] = ['', false]
      else if (code === 1) bold = true
      else if (code === 22) bold = false
      else if (code === 39) colour = ''
      else if (code === 38 || code === 48) at += codes[at + 1] === 5 ? 2 : 4
      else if (code >= 30 && code <= 37) colour = COLOURS[code - 30] ?? ''
      else if (code >= 90 && code <= 97) colour = COLOURS[code - 90] ?? ''
    }
  }
  add(lines.slice(from))
  return found
}

/** Lines as they stand after what was printed over them: a progress bar is its last state. */
function overwritten(text: string): string {
  if (!text.includes('\r')) return text
  return text
    .replace(/\r\n/g, '\n')
    .split('\n')
    .map(line => {
      const parts = line.replace(/\r+$/, '').split('\r')
      return parts.at(-1) ?? ''
    })
    .join('\n')
}
