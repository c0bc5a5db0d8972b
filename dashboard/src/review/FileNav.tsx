import type { Comment } from './comments'
import { FileTitle } from './ReviewRow'
import type { ReviewFile } from './rows'

/** The changed files, each a way to its place. */
export function FileNav(props: {
  files: readonly ReviewFile[]
  comments: readonly Comment[]
  /** Whether they are shown without being asked for. */
  open: boolean
  onFile: (path: string) => void
}) {
  if (props.files.length < 2) return null
  return (
    <details className="rv-files" open={props.open}>
      <summary>Files</summary>
      <ul aria-label="Changed files">
        {props.files.map(file => {
          const comments = props.comments.filter(({ path }) => path === file.path).length
          return (
            <li key={file.path}>
              <button type="button" className="fold" onClick={() => props.onFile(file.path)}>
                <FileTitle change={file.change} />
                {comments > 0 && (
                  <span className="tag">
                    {comments}
                    <span className="hidden"> comments</span>
                  </span>
                )}
              </button>
            </li>
          )
        })}
      </ul>
    </details>
  )
}
