import { Coloured } from '../../highlight/Coloured'
import { Markdown } from '../../markdown/Markdown'
import { Diff } from '../Diff'
import type { ToolItem } from '../items'
import { PlanList } from '../PlanList'
import { visible } from '../visible'
import { Fields, Result } from './Fields'
import { FileRead } from './FileRead'
import { Found } from './Found'
import { Output, outputOf } from './Output'
import { Picture } from './Picture'
import { Questions } from './Questions'
import type { ToolView } from './view'
import { Fetched, WebFound } from './Web'
import './tools.css'

/** All of a tool call: what went in, and what came out. */
export function ToolBody(props: { item: ToolItem; view: ToolView; mission: string }) {
  return (
    <div className="tool-body">
      <Body {...props} />
    </div>
  )
}

function Body({ item, view, mission }: { item: ToolItem; view: ToolView; mission: string }) {
  // What failed says why in words of its own.
  const failed = item.status === 'failed'
  switch (view.kind) {
    case 'shell':
      return (
        <>
          {view.description && <p className="soft">{visible(view.description)}</p>}
          <pre className="command" dir="ltr">
            <Coloured text={view.command} language="bash" />
          </pre>
          <Output item={item} />
          {item.exitCode !== undefined && (
            <p className={`num ${item.exitCode === 0 ? 'dim' : 'problem-line'}`}>
              It returned {item.exitCode}.
            </p>
          )}
        </>
      )
    case 'edit':
      return (
        <>
          {item.edits.length === 0 && <Fields input={item.input} />}
          {item.edits.map((edit, index) => (
            <Diff key={index} path={edit.path} diff={edit.diff} />
          ))}
          {(failed || item.edits.length === 0) && <Output item={item} />}
        </>
      )
    case 'read':
      return failed ? <Output item={item} /> : <FileRead item={item} path={view.path} />
    case 'image':
      return (
        <>
          <Picture path={view.path} mission={mission} />
          {failed && <Output item={item} />}
        </>
      )
    case 'search':
      return (
        <>
          {/[\n]|.{100}/.test(view.pattern) && (
            <pre className="command" dir="ltr">
              {visible(view.pattern)}
            </pre>
          )}
          {failed ? <Output item={item} /> : <Found item={item} />}
        </>
      )
    case 'fetch':
      return <Fetched item={item} url={view.url} question={view.question} />
    case 'web':
      return <WebFound item={item} query={view.query} />
    case 'plan':
      return (
        <>
          <PlanList entries={view.entries} />
          {failed && <Output item={item} />}
        </>
      )
    case 'agent':
      return (
        <>
          {view.prompt && (
            <blockquote className="tool-asked">
              <Markdown text={view.prompt} />
            </blockquote>
          )}
          {outputOf(item).trim() !== '' && <Markdown text={outputOf(item)} />}
        </>
      )
    case 'question':
      return (
        <>
          <Questions questions={view.questions} />
          <Output item={item} />
        </>
      )
    case 'other':
      return (
        <>
          <Fields input={item.input} />
          {item.edits.map((edit, index) => (
            <Diff key={index} path={edit.path} diff={edit.diff} />
          ))}
          <Result item={item} />
        </>
      )
  }
}
