import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { api, call } from '../api/client'
import type { HarnessInfo, InstallOutline } from '../api/schema'
import { versionOf } from '../harnesses/HarnessMatrix'
import { InstallProgressBar } from '../harnesses/InstallProgressBar'
import { harness, PHASES } from '../harnesses/queries'
import { TestCall } from '../harnesses/TestCall'
import { useMay } from '../me'
import { useAction } from '../ui/action'
import { ConfirmButton } from '../ui/Confirm'
import { DataTable } from '../ui/DataTable'
import { Dialog } from '../ui/Dialog'
import { Facts } from '../ui/Facts'
import { bytes, moment } from '../ui/format'
import { Section } from '../ui/Section'
import { Snippet } from '../ui/Snippet'
import { StateMark } from '../ui/StateMark'
import { Failed, Loading, Page } from '../ui/states'
import '../harnesses/harnesses.css'

const STALE = [['harnesses']]

/** One agent: its programs, and what it can do. */
export function HarnessPage() {
  const { id } = useParams({ from: '/harnesses/$id' })
  const query = useQuery(harness(id))
  const info = query.data
  return (
    <Page
      title={id}
      ready={!query.isPending}
      head={
        info && (
          <>
            <StateMark standing={PHASES[info.phase]} />
            <div className="row section-head">
              <Link to="/plugins/$id" params={{ id }} className="button">
                Its plugin
              </Link>
              <Link to="/new" search={{ harness: id }} className="button">
                New mission with it
              </Link>
            </div>
          </>
        )
      }
    >
      {query.error && !info && <Failed error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && !query.error && <Loading />}
      {info && (
        <>
          {info.about && <p className="soft">{info.about.summary}</p>}
          {info.problem && (
            <div className="problem">
              <p>{info.problem.message}</p>
              {info.problem.hint && <p className="hint">{info.problem.hint}</p>}
              <p className="dim mono">{info.problem.code}</p>
            </div>
          )}
          {info.phase !== 'not_needed' && <Programs harness={info} />}
          <TestCall harness={info} />
          <About harness={info} />
        </>
      )}
    </Page>
  )
}

function Programs(props: { harness: HarnessInfo }) {
  const { id, phase, installed, pinned, configured, progress } = props.harness
  const admin = useMay('admin')
  const outline = useMutation({
    mutationFn: () =>
      call(
        api.POST('/api/v1/harnesses/{id}/install', { params: { path: { id } }, body: { dry_run: true } }),
      ) as Promise<InstallOutline>,
  })
  const install = useAction({
    run: () =>
      call(
        api.POST('/api/v1/harnesses/{id}/install', { params: { path: { id } }, body: { dry_run: false } }),
      ),
    stale: STALE,
    after: () => outline.reset(),
  })
  const cancel = useAction({
    run: () => call(api.DELETE('/api/v1/harnesses/{id}/install', { params: { path: { id } } })),
    done: 'The installation is cancelled.',
    stale: STALE,
  })
  const use = useAction({
    run: (version: string | null) =>
      call(api.POST('/api/v1/harnesses/{id}/use', { params: { path: { id } }, body: { version } })),
    done: 'The next mission uses it.',
    stale: STALE,
  })
  const remove = useAction({
    run: (version: string) =>
      call(api.DELETE('/api/v1/harnesses/{id}/versions/{version}', { params: { path: { id, version } } })),
    stale: STALE,
  })
  const now = versionOf(props.harness)
  const there = installed.some(({ version }) => version === now)
  return (
    <Section
      title="Its programs"
      about="They are installed once for all workspaces, and held against their checksums. A mission installs them by itself where they are missing."
      head={
        phase === 'installing' ? (
          <button
            type="button"
            className="button danger small"
            disabled={!admin || cancel.isPending}
            onClick={() => cancel.mutate()}
          >
            Cancel the installation
          </button>
        ) : (
          !there && (
            <button
              type="button"
              className="button primary small"
              disabled={!admin || outline.isPending}
              title={admin ? undefined : 'Needs a login that may administer'}
              onClick={() => outline.mutate()}
            >
              {outline.isPending ? 'Looking…' : `Install ${now}…`}
            </button>
          )
        )
      }
    >
      {progress && <InstallProgressBar progress={progress} />}
      {outline.error && <Failed error={outline.error} />}
      <Facts
        of={[
          ['Next mission', now],
          ['Configured', configured],
          [
            'Chosen here',
            pinned ? (
              <span key="pinned" className="row wrap">
                {pinned}
                <button
                  type="button"
                  className="button small"
                  disabled={!admin || use.isPending}
                  onClick={() => use.mutate(null)}
                >
                  Take the configured one
                </button>
              </span>
            ) : undefined,
          ],
        ]}
      />
      {installed.length > 0 && (
        <DataTable
          label="Installed versions"
          head={['Version', 'Size', 'Installed', 'Digest', { title: 'Actions', hidden: true }]}
        >
          {installed.map(({ version, bytes: size, digest, installed_at }) => (
            <tr key={version}>
              <td data-label="Version" className="num">
                {version} {version === now && <span className="tag">in use</span>}
              </td>
              <td data-label="Size" className="num">
                {bytes(size)}
              </td>
              <td data-label="Installed" className="soft">
                {moment(installed_at)}
              </td>
              <td data-label="Digest" className="mono dim" title={digest}>
                {digest.slice(0, 16)}…
              </td>
              <td className="actions">
                {version !== now && (
                  <button
                    type="button"
                    className="button small"
                    disabled={!admin || use.isPending}
                    onClick={() => use.mutate(version)}
                  >
                    Use
                  </button>
                )}
                <ConfirmButton
                  label="Remove"
                  title={`Remove ${id} ${version}`}
                  confirm="Remove"
                  disabled={!admin}
                  onConfirm={() => remove.mutate(version)}
                >
                  <p>It is refused while a mission uses it. It can be installed again.</p>
                </ConfirmButton>
              </td>
            </tr>
          ))}
        </DataTable>
      )}
      {outline.data && (
        <Outline
          outline={outline.data}
          pending={install.isPending}
          onClose={() => outline.reset()}
          onInstall={() => install.mutate()}
        />
      )}
    </Section>
  )
}

/** What an installation would do, before it does it. */
function Outline(props: {
  outline: InstallOutline
  pending: boolean
  onClose: () => void
  onInstall: () => void
}) {
  const { version, directory, downloads, check } = props.outline
  return (
    <Dialog title={`Install ${version}`} onClose={props.onClose}>
      <div className="dialog-body">
        <ul className="downloads">
          {downloads.map(({ from, integrity, state }) => (
            <li key={from}>
              <p className="mono">{from}</p>
              <p className="dim mono cut" title={integrity}>
                {integrity}
              </p>
              <p className="soft">{STATES[state]}</p>
            </li>
          ))}
        </ul>
        <Facts
          of={[
            ['Goes to', <code key="directory">{directory}</code>],
            ['Then runs', <code key="check">{check.join(' ')}</code>],
          ]}
        />
        <div className="dialog-foot">
          <button type="button" className="button" onClick={props.onClose}>
            Not now
          </button>
          <button type="button" className="button primary" disabled={props.pending} onClick={props.onInstall}>
            Install
          </button>
        </div>
      </div>
    </Dialog>
  )
}

const STATES: Record<InstallOutline['downloads'][number]['state'], string> = {
  downloaded: 'It was downloaded already.',
  mirrored: 'The mirror has it.',
  partial: 'A part of it was downloaded.',
  absent: 'It is downloaded.',
  missing: 'The mirror does not have it.',
}

function About(props: { harness: HarnessInfo }) {
  const { about } = props.harness
  if (!about) return null
  const abilities = [
    about.resume && 'goes on with a session',
    about.interrupt && 'can be interrupted',
    about.steer && 'takes messages in the middle of a turn',
    about.approvals && 'asks before it does harm',
    about.planning && 'plans without acting',
    about.usage && 'tells what it used',
  ].filter(Boolean)
  return (
    <Section title="What it can do">
      <Facts
        of={[
          ['Does', abilities.join(', ') || 'runs what it is told'],
          ['Models', about.models.join(', ')],
          ['Efforts', about.efforts.join(', ')],
        ]}
      />
      <details>
        <summary>The schema of its settings</summary>
        <Snippet text={about.settings_schema} label="Schema of the settings" />
      </details>
    </Section>
  )
}
