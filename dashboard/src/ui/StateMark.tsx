export type Tone = '' | 'need' | 'running' | 'ok' | 'fail'

/** How something stands: glyph, word and tone, never colour alone. */
export interface Standing {
  glyph: string
  word: string
  tone: Tone
}

export function StateMark(props: { standing: Standing; title?: string }) {
  const { glyph, word, tone } = props.standing
  return (
    <span className={`state ${tone}`} title={props.title}>
      <span aria-hidden>{glyph}</span>
      <span>{word}</span>
    </span>
  )
}
