import { memo, type ReactNode, useState } from 'react'
import ReactMarkdown, { type Components } from 'react-markdown'
import remarkGfm from 'remark-gfm'
import { Coloured } from '../highlight/Coloured'
import { languageNamed } from '../highlight/languages'
import { copy } from '../ui/copy'
import { stableLength } from './split'
import './markdown.css'

/** The most text that is read as Markdown; the rest of a message that is longer is shown as it is. */
const LONGEST = 100_000

const PLUGINS = [remarkGfm]

/** What an agent writes cannot load anything: an image is a link until somebody follows it. */
const COMPONENTS: Components = {
  a: ({ href, children }) => <Outward href={href}>{children}</Outward>,
  img: ({ src, alt }) => (
    <Outward href={typeof src === 'string' ? src : undefined}>Image: {alt || src}</Outward>
  ),
  code: ({ className, children }) => {
    const named = /^language-(\S+)/.exec(className ?? '')?.[1]
    return (
      <code>
        {named && typeof children === 'string' ? (
          <Coloured text={children} language={languageNamed(named)} />
        ) : (
          children
        )}
      </code>
    )
  },
  pre: ({ children }) => <Code>{children}</Code>,
  table: ({ children }) => (
    <div className="md-table">
      <table>{children}</table>
    </div>
  ),
  // A heading of a message is none of the page.
  h1: ({ children }) => <p className="md-h">{children}</p>,
  h2: ({ children }) => <p className="md-h">{children}</p>,
  h3: ({ children }) => <p className="md-h">{children}</p>,
  h4: ({ children }) => <p className="md-h">{children}</p>,
  h5: ({ children }) => <p className="md-h">{children}</p>,
  h6: ({ children }) => <p className="md-h">{children}</p>,
  input: ({ checked }) => <span aria-hidden>{checked ? '☑ ' : '☐ '}</span>,
}

function Outward(props: { href?: string; children: ReactNode }) {
  if (!props.href || !/^(https?:|mailto:)/i.test(props.href)) return <span>{props.children}</span>
  return (
    <a href={props.href} target="_blank" rel="noreferrer noopener nofollow" title={props.href}>
      {props.children}
    </a>
  )
}

function Code(props: { children: ReactNode }) {
  const [copied, setCopied] = useState(false)
  return (
    <div className="md-code">
      <pre tabIndex={0} dir="ltr">
        {props.children}
      </pre>
      <button
        type="button"
        className="button small"
        onClick={event => {
          const code = event.currentTarget.parentElement?.querySelector('pre')?.textContent ?? ''
          void copy(code).then(setCopied)
        }}
        onBlur={() => setCopied(false)}
      >
        {copied ? 'Copied' : 'Copy'}
      </button>
    </div>
  )
}

const Part = memo(function Part(props: { text: string }) {
  return (
    <ReactMarkdown remarkPlugins={PLUGINS} components={COMPONENTS} skipHtml={false}>
      {props.text}
    </ReactMarkdown>
  )
})

/** Markdown that an agent writes, also while it does. */
export function Markdown(props: { text: string }) {
  const text = props.text.slice(0, LONGEST)
  const rest = props.text.slice(LONGEST)
  const cut = stableLength(text)
  return (
    <div className="md" dir="auto">
      {cut > 0 && <Part text={text.slice(0, cut)} />}
      {cut < text.length && <Part text={text.slice(cut)} />}
      {rest && <pre className="md-rest">{rest}</pre>}
    </div>
  )
}
