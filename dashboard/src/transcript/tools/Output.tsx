import { bytes } from '../../ui/format'
import { Ansi } from '../Ansi'
import type { ToolItem } from '../items'

/** The most of an output that is put on the page at once. */
export const SHOWN = 64 * 1024

/** All that a call printed, as one text. */
export const outputOf = (item: ToolItem) => item.output.map(({ text }) => text).join('')

/** What a call printed: the end of it where it is long. */
export function Output({ item }: { item: ToolItem }) {
  const length = item.output.reduce((sum, part) => sum + part.text.length, 0)
  if (length === 0 && item.omitted === 0) return null
  let skip = Math.max(0, length - SHOWN)
  const parts = item.output.flatMap((part, index) => {
    const text = part.text.slice(Math.min(skip, part.text.length))
    skip = Math.max(0, skip - part.text.length)
    return text ? [{ ...part, text, index }] : []
  })
  const left = item.omitted + Math.max(0, length - SHOWN)
  return (
    <div>
      {left > 0 && (
        <p className="dim">{bytes(left)} before this are left out: the raw log has what was kept.</p>
      )}
      <pre className="output" tabIndex={0} dir="ltr">
        {parts.map(part => (
          <span key={part.index} className={part.stderr ? 'stderr' : undefined}>
            <Ansi text={part.text} />
          </span>
        ))}
      </pre>
    </div>
  )
}
