import { Markdown } from '../../markdown/Markdown'
import type { ToolItem } from '../items'
import { visible } from '../visible'
import { linksIn } from './found'
import { Output, outputOf } from './Output'

/** A way out of the page, for who follows it. Nothing is loaded before. */
function Outward({ url, children }: { url: string; children: React.ReactNode }) {
  if (!/^https?:\/\//i.test(url)) return children
  return (
    <a href={url} target="_blank" rel="noreferrer noopener nofollow" title={url}>
      {children}
    </a>
  )
}

/** A page of the web that was fetched. */
export function Fetched(props: { item: ToolItem; url: string; question?: string }) {
  const { item } = props
  return (
    <>
      <p className="mono break">
        <Outward url={props.url}>{visible(props.url)}</Outward>
      </p>
      {props.question && <p className="soft plain">{visible(props.question)}</p>}
      <Said item={item} text={outputOf(item)} />
    </>
  )
}

/** What a search of the web found. */
export function WebFound(props: { item: ToolItem; query: string }) {
  const { links, rest } = linksIn(outputOf(props.item))
  return (
    <>
      {/[\n]|.{100}/.test(props.query) && <p className="plain">{visible(props.query)}</p>}
      {links.length > 0 && (
        <ul className="found-links" aria-label="Pages that were found">
          {links.slice(0, 50).map((link, index) => (
            <li key={index}>
              <Outward url={link.url}>{visible(link.title)}</Outward>{' '}
              <span className="dim mono break">{visible(link.url)}</span>
            </li>
          ))}
        </ul>
      )}
      <Said item={props.item} text={rest} />
    </>
  )
}

/** What somebody else wrote, as Markdown that loads nothing; what failed is shown as it was printed. */
function Said({ item, text }: { item: ToolItem; text: string }) {
  if (item.status === 'failed') return <Output item={item} />
  if (text.trim() === '') return null
  return (
    <div className="output said-by-others" tabIndex={0}>
      <Markdown text={text} />
    </div>
  )
}
