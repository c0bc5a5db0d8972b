import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, call } from '../api/client'
import { problemOf } from '../api/problem'
import type { Ask, Decider } from '../api/schema'
import { shown } from '../shell/keys'
import { tell, tellFailure } from '../shell/toasts'
import { visible } from '../transcript/visible'
import { age } from '../ui/format'
import { useNow } from '../ui/now'
import './asks.css'

export type Scope = 'once' | 'mission' | 'workspace'

/** Decides what an agent asks. Whoever comes too late is told so. */
export function useDecide(mission: string) {
  const queries = useQueryClient()
  const settled = () => {
    void queries.invalidateQueries({ queryKey: ['asks'] })
  }
  const onError = (error: unknown) => {
    if (problemOf(error).code === 'ask.settled') tell('Somebody or something else has decided it already.')
    else tellFailure(error)
    settled()
  }
  const decide = useMutation({
    mutationFn: (to: {
      ask: string
      approved: boolean
      scope?: Scope
      reason?: string
      pattern?: string
    }) => {
      const { ask, ...body } = to
      return call(
        api.POST('/api/v1/missions/{id}/asks/{ask}/decision', {
          params: { path: { id: mission, ask } },
          body,
        }),
      )
    },
    onSuccess: settled,
    onError,
  })
  const answer = useMutation({
    mutationFn: (to: { ask: string; answers: string[][] | null }) =>
      call(
        api.POST('/api/v1/missions/{id}/asks/{ask}/answer', {
          params: { path: { id: mission, ask: to.ask } },
          body: { answers: to.answers },
        }),
      ),
    onSuccess: settled,
    onError,
  })
  return { decide, answer }
}

function deciderOf(by: Decider | null | undefined): string {
  if (!by) return ''
  if (by === 'config') return 'by a rule of the configuration'
  if (by === 'timeout') return 'because nobody decided in time'
  return 'rule' in by ? 'by a rule' : 'by a person'
}

const STATUS = {
  open: 'Waits',
  approved: 'Allowed',
  denied: 'Denied',
  answered: 'Answered',
  withdrawn: 'Withdrawn',
}

/** Something that an agent asks, with all it takes to decide. `past`: as part of a transcript, where what is open is
 * answered below. */
export function AskCard(props: { mission: string; ask: Ask; past?: boolean }) {
  const { ask } = props
  if (ask.status !== 'open' || props.past) return <Past ask={ask} />
  return ask.kind === 'approval' ? (
    <ApprovalCard mission={props.mission} approval={ask} />
  ) : (
    <QuestionCard mission={props.mission} question={ask} />
  )
}

function Past({ ask }: { ask: Ask }) {
  const tone =
    ask.status === 'open' ? 'need' : ask.status === 'approved' ? 'ok' : ask.status === 'denied' ? 'fail' : ''
  const text = ask.kind === 'approval' ? ask.subject || ask.title : ask.items.map(item => item.text).join(' ')
  const answers = ask.kind === 'question' ? ask.answers?.map(one => one.join(', ')).join('; ') : ask.answer
  return (
    <div className="ask-past">
      <span className={`state ${tone}`}>
        <span aria-hidden>{ask.status === 'open' ? '▲' : ask.status === 'denied' ? '✕' : '✓'}</span>
        <span>{STATUS[ask.status]}</span>
      </span>
      <code className="ask-subject">{visible(text)}</code>
      <span className="dim">
        {[deciderOf(ask.by), answers ? visible(answers) : ''].filter(Boolean).join(': ')}
      </span>
    </div>
  )
}

function Expiry({ at }: { at?: string | null }) {
  const now = useNow(1000)
  if (!at) return null
  return <span className="dim num">denied by itself in {age(Date.parse(at) - now)}</span>
}

type Of<K extends Ask['kind']> = Extract<Ask, { kind: K }>

function ApprovalCard({ mission, approval }: { mission: string; approval: Of<'approval'> }) {
  const { decide } = useDecide(mission)
  const [denying, setDenying] = useState(false)
  const [reason, setReason] = useState('')
  const [rule, setRule] = useState(false)
  const [pattern, setPattern] = useState(approval.subject)
  const to = (approved: boolean, more: { scope?: Scope; reason?: string; pattern?: string } = {}) =>
    decide.mutate({ ask: approval.id, approved, ...more })
  return (
    <section className="ask" aria-label="The agent asks">
      <div className="row wrap">
        <span className="state need">
          <span aria-hidden>▲</span>
          <span>Needs you</span>
        </span>
        <span>
          May the agent use <b>{visible(approval.tool || approval.tool_kind)}</b>?
        </span>
        <Expiry at={approval.expires_at} />
      </div>
      <pre className="ask-what" dir="ltr">
        {visible(approval.subject || approval.title)}
      </pre>
      {approval.reason && <p className="soft">{visible(approval.reason)}</p>}
      {hasMore(approval.input) && (
        <details>
          <summary>What the tool is called with</summary>
          <pre className="ask-what">{visible(JSON.stringify(approval.input, null, 2))}</pre>
        </details>
      )}
      {denying ? (
        <form
          className="row wrap"
          onSubmit={event => {
            event.preventDefault()
            to(false, { reason: reason || undefined })
          }}
        >
          <input
            className="input grow"
            aria-label="Why not, for the agent"
            placeholder="Why not? The agent is told."
            autoFocus
            value={reason}
            maxLength={4096}
            onChange={event => setReason(event.target.value)}
          />
          <button type="submit" className="button danger" disabled={decide.isPending}>
            Deny
          </button>
          <button type="button" className="button bare" onClick={() => setDenying(false)}>
            Back
          </button>
        </form>
      ) : rule ? (
        <form
          className="row wrap"
          onSubmit={event => {
            event.preventDefault()
            to(true, { scope: 'workspace', pattern })
          }}
        >
          <input
            className="input grow mono"
            aria-label="What is allowed in all missions of the workspace"
            autoFocus
            value={pattern}
            onChange={event => setPattern(event.target.value)}
          />
          <button type="submit" className="button" disabled={decide.isPending}>
            Allow in this workspace
          </button>
          <button type="button" className="button bare" onClick={() => setRule(false)}>
            Back
          </button>
          <p className="dim">
            <code>*</code> stands for any text, in a command for none that could hold another command.
          </p>
        </form>
      ) : (
        <div className="row wrap ask-actions">
          <button
            type="button"
            className="button primary"
            data-key="allow"
            disabled={decide.isPending}
            onClick={() => to(true)}
          >
            Allow once <kbd>{shown('allow')}</kbd>
          </button>
          <button
            type="button"
            className="button"
            data-key="allowMission"
            disabled={decide.isPending}
            onClick={() => to(true, { scope: 'mission' })}
          >
            Allow for this mission <kbd>{shown('allowMission')}</kbd>
          </button>
          <button type="button" className="button" onClick={() => setRule(true)}>
            Make a rule…
          </button>
          <button type="button" className="button danger" data-key="deny" onClick={() => setDenying(true)}>
            Deny… <kbd>{shown('deny')}</kbd>
          </button>
        </div>
      )}
    </section>
  )
}

function hasMore(input: unknown): boolean {
  return typeof input === 'object' && input !== null && Object.keys(input).length > 0
}

function QuestionCard({ mission, question }: { mission: string; question: Of<'question'> }) {
  const { answer } = useDecide(mission)
  const [answers, setAnswers] = useState<string[][]>(question.items.map(() => []))
  const [texts, setTexts] = useState<string[]>(question.items.map(() => ''))
  const choose = (item: number, label: string, multiple: boolean) =>
    setAnswers(
      answers.map((chosen, index) => {
        if (index !== item) return chosen
        if (!multiple) return [label]
        return chosen.includes(label) ? chosen.filter(other => other !== label) : [...chosen, label]
      }),
    )
  const whole = answers.map((chosen, index) => {
    const text = texts[index]?.trim()
    return text ? (question.items[index]?.multiple ? [...chosen, text] : [text]) : chosen
  })
  return (
    <section className="ask" aria-label="The agent wants to know">
      <div className="row wrap">
        <span className="state need">
          <span aria-hidden>▲</span>
          <span>Needs you</span>
        </span>
        <span>The agent wants to know</span>
      </div>
      <form
        className="ask-items"
        onSubmit={event => {
          event.preventDefault()
          answer.mutate({ ask: question.id, answers: whole })
        }}
      >
        {question.items.map((item, index) => (
          <fieldset key={index}>
            <legend dir="auto">{visible(item.text)}</legend>
            {item.choices.map(choice => (
              <label key={choice.label} className="choice">
                <input
                  type={item.multiple ? 'checkbox' : 'radio'}
                  name={`${question.id}-${index}`}
                  checked={answers[index]?.includes(choice.label) ?? false}
                  onChange={() => choose(index, choice.label, item.multiple)}
                />
                <span>
                  {visible(choice.label)}
                  {choice.description && <span className="dim"> {visible(choice.description)}</span>}
                </span>
              </label>
            ))}
            {(item.free_text || item.choices.length === 0) && (
              <input
                className="input"
                aria-label={`Your own answer: ${item.text}`}
                placeholder={item.choices.length > 0 ? 'Something else' : 'Your answer'}
                value={texts[index]}
                onChange={event =>
                  setTexts(texts.map((text, at) => (at === index ? event.target.value : text)))
                }
              />
            )}
          </fieldset>
        ))}
        <div className="row wrap">
          <button
            type="submit"
            className="button primary"
            disabled={answer.isPending || whole.some(one => one.length === 0)}
          >
            Answer
          </button>
          <button
            type="button"
            className="button"
            disabled={answer.isPending}
            onClick={() => answer.mutate({ ask: question.id, answers: null })}
          >
            Let the agent decide
          </button>
        </div>
      </form>
    </section>
  )
}
