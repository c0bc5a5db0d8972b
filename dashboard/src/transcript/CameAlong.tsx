import { File } from 'lucide-react'
import { address } from '../api/raw'
import type { MessageAttachment } from '../api/schema'
import { bytes } from '../ui/format'
import { visible } from './visible'
import './tools/tools.css'

/** The files that came with a message. The server gives an image as an image only where it has found that it is one. */
export function CameAlong({ files }: { files: readonly MessageAttachment[] }) {
  if (files.length === 0) return null
  return (
    <div className="came-along">
      {files.map(file => {
        const url = address(`/attachments/${file.id}/content`)
        return (
          <a key={file.id} href={url} target="_blank" rel="noreferrer noopener">
            {file.media_type.startsWith('image/') ? (
              <img src={url} alt={file.name} loading="lazy" />
            ) : (
              <>
                <File className="icon" aria-hidden />
                <span className="cut">{visible(file.name)}</span>
                <span className="dim num">{bytes(file.size)}</span>
              </>
            )}
          </a>
        )
      })}
    </div>
  )
}
