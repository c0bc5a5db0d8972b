import { Coloured } from '../../highlight/Coloured'
import type { ToolItem } from '../items'
import { visible } from '../visible'
import { Output, outputOf, SHOWN } from './Output'

/** What went into a call that nothing more is known of, field by field. */
export function Fields({ input }: { input: unknown }) {
  if (input === null || input === undefined) return null
  if (typeof input !== 'object')
    return (
      <pre className="plain" dir="auto">
        {visible(String(input).slice(0, SHOWN))}
      </pre>
    )
  const fields = Object.entries(input)
  if (fields.length === 0) return null
  return (
    <dl className="fields">
      {fields.map(([name, value]) => (
        <div key={name}>
          <dt className="dim">{visible(name)}</dt>
          <dd>
            <pre dir="auto">
              {typeof value === 'string' ? (
                visible(value.slice(0, SHOWN))
              ) : (
                <Coloured text={(JSON.stringify(value, null, 2) ?? '').slice(0, SHOWN)} language="json" />
              )}
            </pre>
          </dd>
        </div>
      ))}
    </dl>
  )
}

/** What came out of such a call: data where it is data. */
export function Result({ item }: { item: ToolItem }) {
  const output = outputOf(item)
  const data = output.length <= SHOWN && item.omitted === 0 ? pretty(output) : undefined
  if (data === undefined) return <Output item={item} />
  return (
    <pre className="output" tabIndex={0} dir="ltr">
      <Coloured text={data} language="json" />
    </pre>
  )
}

function pretty(text: string): string | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return undefined
  }
}
