import { Coloured } from '../../highlight/Coloured'
import { languageOf } from '../../highlight/languages'
import type { ToolItem } from '../items'
import { numberedIn } from './found'
import { Output, outputOf, SHOWN } from './Output'

/** What an agent read of a file. */
export function FileRead({ item, path }: { item: ToolItem; path: string }) {
  const output = outputOf(item)
  if (output === '' || output.length > SHOWN || item.omitted > 0) return <Output item={item} />
  const { first, text } = numberedIn(output) ?? { text: output }
  return (
    <div className="output file-read" tabIndex={0}>
      {first !== undefined && (
        <pre className="file-lines" aria-hidden>
          {text
            .split('\n')
            .map((_, index) => first + index)
            .join('\n')}
        </pre>
      )}
      <pre dir="ltr">
        <Coloured text={text} language={languageOf(path)} />
      </pre>
    </div>
  )
}
