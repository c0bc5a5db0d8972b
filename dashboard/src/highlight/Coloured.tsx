import { Fragment, memo, useEffect, useMemo, useReducer } from 'react'
import { visible } from '../transcript/visible'
import { highlighter, type Source, source } from './client'
import type { Language } from './languages'
import type { Lines, Token } from './tokens'
import './highlight.css'

/** Text that still grows is not coloured at every step of it. */
const SETTLE = 80

/** The coloured lines of a text, once they are there. */
export function useColours(source: Source | undefined): Lines | undefined {
  const [, render] = useReducer((count: number) => count + 1, 0)
  const lines = source && highlighter.lines(source)
  useEffect(() => {
    if (!source || highlighter.lines(source)) return
    let stop: (() => void) | undefined
    const timer = setTimeout(() => {
      stop = highlighter.want(source, render)
    }, SETTLE)
    return () => {
      clearTimeout(timer)
      stop?.()
    }
  }, [source])
  return lines
}

/** The pieces of a line, each in its colour. */
export const Pieces = memo(function Pieces(props: { tokens: readonly Token[] }) {
  return props.tokens.map(([text, scope], index) =>
    scope ? (
      <span key={index} className={`hl-${scope}`}>
        {visible(text)}
      </span>
    ) : (
      <Fragment key={index}>{visible(text)}</Fragment>
    ),
  )
})

/** Code, at first plain and then in colours. It is text either way. */
export function Coloured(props: { text: string; language: Language | undefined }) {
  const { text, language } = props
  const lines = useColours(useMemo(() => source(text, language), [text, language]))
  if (!lines) return visible(text)
  return lines.map((tokens, index) => (
    <Fragment key={index}>
      {index > 0 && '\n'}
      <Pieces tokens={tokens} />
    </Fragment>
  ))
}
