/** Where text that grows can be cut: what is before the last blank line outside of a fence will not change its meaning.
 * So only what is after it is read again. */
export function stableLength(text: string): number {
  let fence = ''
  let stable = 0
  let at = 0
  for (const line of text.split('\n')) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1]
    if (mark && !fence) fence = mark
    else if (mark && fence && mark[0] === fence[0] && mark.length >= fence.length && line.trim() === mark)
      fence = ''
    at += line.length + 1
    if (!fence && line.trim() === '' && at <= text.length) stable = at
  }
  return stable
}
