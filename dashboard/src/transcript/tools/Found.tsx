import { count, counted } from '../../ui/format'
import type { ToolItem } from '../items'
import { visible } from '../visible'
import { foundIn } from './found'
import { Output, outputOf } from './Output'

/** What a search found, by file. */
export function Found({ item }: { item: ToolItem }) {
  const found = foundIn(outputOf(item))
  if (!found) return <Output item={item} />
  return (
    <div className="output found" tabIndex={0}>
      <p className="dim num">
        {counted(found.files.length, 'file')}
        {found.left > 0 && `, and ${count(found.left)} more lines`}
      </p>
      <ul>
        {found.files.map(file => (
          <li key={file.path}>
            <code dir="ltr">{visible(file.path)}</code>
            {file.hits.map((hit, index) => (
              <div key={index} className="found-hit">
                <span className="dim num">{hit.line}</span>
                <code dir="ltr">{visible(hit.text.slice(0, 500))}</code>
              </div>
            ))}
          </li>
        ))}
      </ul>
    </div>
  )
}
