import { useQuery } from '@tanstack/react-query'
import { ProblemError } from '../../api/problem'
import { Content } from '../../files/FilePreview'
import { entry } from '../../files/queries'
import { missionQuery } from '../../missions/queries'
import { Failed, Loading } from '../../ui/states'
import { visible } from '../visible'
import { within } from './view'

/** An image of the workspace that an agent looked at. It is shown as it is now. */
export function Picture(props: { path: string; mission: string }) {
  const { data: mission } = useQuery(missionQuery(props.mission))
  const path = within(props.path)
  // Elsewhere than in its files the workspace tells nothing.
  if (path.startsWith('/'))
    return <p className="dim">{visible(path)} is not among the files of the workspace.</p>
  if (!mission) return null
  const own = mission.worktree && !props.path.startsWith('/') ? `missions/${mission.id}/${path}` : path
  return <Shown workspace={mission.workspace} path={own} />
}

function Shown(props: { workspace: string; path: string }) {
  const query = useQuery({ ...entry(props.workspace, props.path), retry: false })
  if (query.error instanceof ProblemError && query.error.status === 404)
    return <p className="dim">The file is not there any more.</p>
  if (query.error) return <Failed error={query.error} />
  if (!query.data) return <Loading rows={2} />
  return <Content workspace={props.workspace} entry={query.data} />
}
