import { visible } from '../transcript/visible'
import { Pieces, useColours } from './Coloured'
import type { Place } from './hunks'

/** The text of a line of a diff, in colours once they are there. */
export function DiffCode(props: { text: string; place: Place | undefined }) {
  const lines = useColours(props.place?.source)
  const tokens = props.place && lines?.[props.place.line]
  return tokens ? <Pieces tokens={tokens} /> : visible(props.text)
}
