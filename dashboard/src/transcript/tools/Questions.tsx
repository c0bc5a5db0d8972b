import { visible } from '../visible'
import type { Asked } from './view'

/** What an agent asked by a tool of its own, with what could be chosen. */
export function Questions({ questions }: { questions: Asked[] }) {
  return questions.map((question, index) => (
    <div key={index}>
      <p dir="auto">{visible(question.text)}</p>
      <ul className="asked-choices">
        {question.choices.map((choice, index) => (
          <li key={index} dir="auto">
            {visible(choice.label)}
            {choice.description && <span className="dim"> {visible(choice.description)}</span>}
          </li>
        ))}
      </ul>
    </div>
  ))
}
