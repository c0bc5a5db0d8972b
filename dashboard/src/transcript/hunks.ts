/** A line of a diff with its numbers before and after. */
export interface DiffLine {
  /** `hunk` begins a part of the file, `note` is a remark of the diff about the line before. */
  kind: 'same' | 'add' | 'del' | 'hunk' | 'note'
  text: string
  old?: number
  new?: number
}

/** Reads a unified diff. Lines that name files are left out; what is no diff is shown as it is. */
export function diffLines(diff: string): DiffLine[] {
  const lines: DiffLine[] = []
  let old = 0
  let now = 0
  let inHunk = false
  for (const line of diff.replace(/\n$/, '').split('\n')) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)/.exec(line)
    if (hunk) {
      old = Number(hunk[1])
      now = Number(hunk[2])
      inHunk = true
      lines.push({ kind: 'hunk', text: hunk[3] ?? '' })
    } else if (
      !inHunk &&
      /^(diff |index |--- |\+\+\+ |new file|deleted file|old mode|new mode|similarity|rename )/.test(line)
    ) {
      // Names of files stand above the diff already.
    } else if (line.startsWith('+')) {
      lines.push({ kind: 'add', text: line.slice(1), new: now })
      now += 1
    } else if (line.startsWith('-')) {
      lines.push({ kind: 'del', text: line.slice(1), old })
      old += 1
    } else if (line.startsWith('\\')) {
      lines.push({ kind: 'note', text: line.slice(2) })
    } else {
      lines.push({ kind: 'same', text: line.slice(1), old, new: now })
      old += 1
      now += 1
    }
  }
  return lines
}

/** How many lines were added and removed. */
export function diffSize(diff: string): { added: number; removed: number } {
  const lines = diffLines(diff)
  return {
    added: lines.filter(({ kind }) => kind === 'add').length,
    removed: lines.filter(({ kind }) => kind === 'del').length,
  }
}
