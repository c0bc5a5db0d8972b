import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo, useRef, useState } from 'react'
import { api, call } from '../api/client'
import type { Diff as Changes, HarnessAbout, Mission } from '../api/schema'
import { useSignal } from '../signal'
import { counted } from '../ui/format'
import { Empty, Failed, Loading } from '../ui/states'
import { DiffGrid } from './DiffGrid'
import { useReviewDraft } from './draft'
import { FileNav } from './FileNav'
import { columns, NARROW, TWO, useWidth } from './layout'
import { readFile } from './rows'
import { SendBar } from './SendBar'
import { Toolbar } from './Toolbar'
import './review.css'

/** What a mission has changed: to be read, and to be commented on for the agent. */
export function Review(props: { mission: Mission; about?: HarnessAbout }) {
  const { mission } = props
  const { turn: chosen, wide } = useSearch({ from: '/missions/$id' })
  const navigate = useNavigate({ from: '/missions/$id' })
  const turn = chosen !== undefined && chosen <= mission.turns ? chosen : undefined
  const query = useQuery({
    queryKey: ['diff', mission.id, turn ?? 'total', mission.turns, mission.state],
    queryFn: () =>
      call(
        api.GET('/api/v1/missions/{id}/diff', {
          params: { path: { id: mission.id }, query: { turn: String(turn ?? 'total') } },
        }),
      ) as Promise<Changes>,
    placeholderData: before => before,
    enabled: mission.turns > 0,
  })
  const { data, error } = query
  const files = useMemo(() => (data?.files ?? []).map(readFile), [data])
  const root = useRef<HTMLElement>(null)
  const width = useWidth(root)
  const split = useSignal(columns) === 'two' && width >= TWO
  const draft = useReviewDraft(mission.id)
  const [to, setTo] = useState<{ path: string }>()
  if (mission.turns === 0) return <Empty title="No turn has begun" />
  // What is sent to a shell is run: there is nobody to read a comment.
  const commented = mission.harness !== 'shell'
  return (
    <section ref={root} className={wide ? 'review wide' : 'review'} aria-label="Review of the changes">
      <Toolbar
        turns={mission.turns}
        turn={turn}
        files={data?.files ?? []}
        leftOut={data?.left_out ?? 0}
        wide={wide === true}
        roomForTwo={width >= TWO}
        busy={query.isFetching}
        onTurn={turn => void navigate({ search: before => ({ ...before, turn }), replace: true })}
        onWide={wide =>
          void navigate({ search: before => ({ ...before, wide: wide || undefined }), replace: true })
        }
        onRenew={() => void query.refetch()}
      />
      {error && <Failed error={error} retry={() => void query.refetch()} />}
      {query.isPending && !error && <Loading rows={6} />}
      {data && files.length === 0 && <p className="dim">Nothing was changed.</p>}
      {files.length > 0 && (
        <div className="rv-main">
          <FileNav
            files={files}
            comments={draft.comments}
            open={files.length <= 8 ? width >= NARROW : wide === true && width >= TWO}
            onFile={path => setTo({ path })}
          />
          <DiffGrid
            files={files}
            draft={draft}
            turn={turn}
            split={split}
            width={width - (wide && width >= TWO ? 280 : 0)}
            to={to}
            commented={commented}
          />
        </div>
      )}
      {data && data.left_out > 0 && (
        <p className="dim">{counted(data.left_out, 'more file')} were changed and are not told.</p>
      )}
      {commented && (
        <SendBar
          mission={mission}
          about={props.about}
          comments={draft.comments}
          elsewhere={
            data ? draft.comments.filter(comment => !files.some(file => file.path === comment.path)) : []
          }
          onRemove={draft.clear}
        />
      )}
    </section>
  )
}
