import { X } from 'lucide-react'
import { type ReactNode, useEffect, useId, useRef } from 'react'

/** A dialog of the browser's own: it keeps the focus, makes the rest inert and closes with Escape. */
export function Dialog(props: {
  title: string
  onClose: () => void
  children: ReactNode
  /** Whether it stays until it is answered. */
  modalOnly?: boolean
  className?: string
}) {
  const ref = useRef<HTMLDialogElement>(null)
  const title = useId()
  useEffect(() => {
    const dialog = ref.current
    dialog?.showModal()
    return () => dialog?.close()
  }, [])
  return (
    <dialog
      ref={ref}
      className={`dialog ${props.className ?? ''}`}
      aria-labelledby={title}
      onCancel={event => {
        event.preventDefault()
        if (!props.modalOnly) props.onClose()
      }}
      onKeyDown={event => event.stopPropagation()}
      onPointerDown={event => {
        if (event.target === ref.current && !props.modalOnly) props.onClose()
      }}
    >
      <div className="dialog-head">
        <h2 id={title}>{props.title}</h2>
        {!props.modalOnly && (
          <button type="button" className="button bare small" onClick={props.onClose}>
            <X className="icon" aria-hidden />
            <span className="hidden">Close</span>
          </button>
        )}
      </div>
      {props.children}
    </dialog>
  )
}
