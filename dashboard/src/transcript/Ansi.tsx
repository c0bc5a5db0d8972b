import { memo } from 'react'
import { segments } from './ansi'

/** Output as a terminal would colour it. */
export const Ansi = memo(function Ansi(props: { text: string }) {
  return segments(props.text).map((segment, index) =>
    segment.style ? (
      <span key={index} className={`ansi ${segment.style}`}>
        {segment.text}
      </span>
    ) : (
      segment.text
    ),
  )
})
