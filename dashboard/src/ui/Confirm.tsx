import { type ReactNode, useState } from 'react'
import { Dialog } from './Dialog'

/** A button whose deed cannot be undone: it says what will be gone, and asks. */
export function ConfirmButton(props: {
  label: ReactNode
  title: string
  /** What happens, in a sentence or two. */
  children: ReactNode
  /** The word of the deed. */
  confirm: string
  onConfirm: () => void
  disabled?: boolean
  className?: string
}) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <button
        type="button"
        className={props.className ?? 'button danger small'}
        disabled={props.disabled}
        onClick={() => setOpen(true)}
      >
        {props.label}
      </button>
      {open && (
        <Dialog title={props.title} onClose={() => setOpen(false)}>
          <div className="dialog-body">
            <div className="soft">{props.children}</div>
            <div className="dialog-foot">
              <button type="button" className="button" autoFocus onClick={() => setOpen(false)}>
                Keep it
              </button>
              <button
                type="button"
                className="button danger"
                onClick={() => {
                  setOpen(false)
                  props.onConfirm()
                }}
              >
                {props.confirm}
              </button>
            </div>
          </div>
        </Dialog>
      )}
    </>
  )
}
