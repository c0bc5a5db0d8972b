import { Link } from '@tanstack/react-router'
import { api, call } from '../api/client'
import type { HarnessInfo, HarnessTest } from '../api/schema'
import { useMay } from '../me'
import { OPEN, shownAs } from '../missions/states'
import { useAction } from '../ui/action'
import { moment } from '../ui/format'
import { Section } from '../ui/Section'
import { type Standing, StateMark } from '../ui/StateMark'

/** How an agent was last tried out. */
export const standingOf = ({ state }: HarnessTest): Standing =>
  state === 'done' ? { glyph: '✓', word: 'Works', tone: 'ok' } : shownAs(state)

/** Tries an agent out, and says how that went last. */
export function TestCall(props: { harness: HarnessInfo }) {
  const { id, test } = props.harness
  const may = useMay('write')
  const begin = useAction({
    run: () => call(api.POST('/api/v1/harnesses/{id}/test', { params: { path: { id } }, body: {} })),
    stale: [['harnesses']],
  })
  const underWay = test !== undefined && test !== null && OPEN.includes(test.state)
  return (
    <Section
      title="Test"
      about="One small question, from the installation of the program to the answer of a model. It costs what the answer costs."
      head={
        <button
          type="button"
          className="button small"
          disabled={!may || underWay || begin.isPending}
          onClick={() => begin.mutate()}
        >
          Try it out
        </button>
      }
    >
      {test ? (
        <p className="row">
          <StateMark standing={standingOf(test)} />
          <span className="soft">{moment(test.at)}</span>
          <Link to="/missions/$id" params={{ id: test.mission }}>
            Its mission
          </Link>
        </p>
      ) : (
        <p className="dim">It was not tried out yet.</p>
      )}
      {test?.problem && (
        <div className="problem">
          <p>{test.problem.message}</p>
          {test.problem.hint && <p className="hint">{test.problem.hint}</p>}
          <p className="dim mono">{test.problem.code}</p>
        </div>
      )}
    </Section>
  )
}
