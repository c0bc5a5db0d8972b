import { File as FileGlyph, Image, X } from 'lucide-react'
import { useSignal } from '../signal'
import { visible } from '../transcript/visible'
import { bytes } from '../ui/format'
import { Progress } from '../ui/Progress'
import type { Attachments } from './files'
import './attach.css'

/** The files that come with what is being written. */
export function AttachmentList(props: { files: Attachments }) {
  const files = useSignal(props.files)
  if (files.length === 0) return null
  return (
    <ul className="attached" aria-label="Files that come along">
      {files.map(file => {
        const Glyph = file.image ? Image : FileGlyph
        return (
          <li key={file.key} className={file.problem ? 'failed' : undefined}>
            <Glyph className="icon" aria-hidden />
            <span className="cut" title={file.name}>
              {visible(file.name)}
            </span>
            {file.problem ? (
              <span className="problem-line">{file.problem}</span>
            ) : file.id ? (
              <span className="dim num">{bytes(file.size)}</span>
            ) : (
              <Progress label={`Upload of ${file.name}`} done={file.sent} total={file.size} />
            )}
            <button
              type="button"
              className="button bare small"
              aria-label={`Take out ${file.name}`}
              onClick={() => props.files.remove(file.key)}
            >
              <X className="icon" aria-hidden />
            </button>
          </li>
        )
      })}
    </ul>
  )
}
