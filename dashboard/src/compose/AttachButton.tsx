import { Paperclip } from 'lucide-react'
import type { RefObject } from 'react'
import { type Attachments, MOST } from '../attach/files'
import { attach } from './PromptBox'

/** Chooses files that come along. */
export function AttachButton(props: { files: Attachments; picker: RefObject<HTMLInputElement | null> }) {
  return (
    <>
      <input
        ref={props.picker}
        type="file"
        multiple
        hidden
        onChange={event => {
          attach(props.files, [...(event.target.files ?? [])])
          event.target.value = ''
        }}
      />
      <button
        type="button"
        className="button bare small"
        title={`Files that come along, ${MOST} at most: choose, paste or drop them`}
        onClick={() => props.picker.current?.click()}
      >
        <Paperclip className="icon" aria-hidden />
        Attach
      </button>
    </>
  )
}
