import { Copy } from 'lucide-react'
import { tell } from '../shell/toasts'
import { copy } from './copy'
import './parts.css'

/** Text to be taken elsewhere. */
export function Snippet(props: { text: string; label: string }) {
  return (
    <div className="snippet">
      <section className="snippet-text" tabIndex={0} aria-label={props.label}>
        <pre>{props.text}</pre>
      </section>
      <button
        type="button"
        className="button small"
        onClick={() =>
          void copy(props.text).then(copied =>
            tell(copied ? 'Copied.' : 'This browser does not let pages copy: select the text.'),
          )
        }
      >
        <Copy className="icon" aria-hidden />
        Copy
      </button>
    </div>
  )
}
