import type { InstallProgress } from '../api/schema'
import { bytes } from '../ui/format'
import { Progress } from '../ui/Progress'
import { ACTIVITIES } from './queries'

/** How far an installation has come. */
export function InstallProgressBar(props: { progress: InstallProgress }) {
  const { activity, subject, step, steps, done, total } = props.progress
  return (
    <div className="install">
      <p className="soft">
        Step {step} of {steps}: {ACTIVITIES[activity].toLowerCase()} {subject}
        {activity === 'downloading' && total ? (
          <span className="dim num">
            {' '}
            {bytes(done)} of {bytes(total)}
          </span>
        ) : null}
      </p>
      <Progress label="Installation" done={done} total={total} />
    </div>
  )
}
