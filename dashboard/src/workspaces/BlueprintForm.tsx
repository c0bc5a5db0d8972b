import { useQuery } from '@tanstack/react-query'
import { useId } from 'react'
import type { NetworkMode } from '../api/schema'
import { secretNames } from '../secrets/queries'
import { Field } from '../ui/Field'
import { RowList } from '../ui/RowList'
import type { Draft, EnvRow, Mistakes } from './draft'
import { isolation } from './isolation'
import { backends } from './workspace'

const MODES: { mode: '' | NetworkMode; title: string; about: string }[] = [
  { mode: '', title: 'Default', about: 'what the template or the configuration says' },
  { mode: 'none', title: 'None', about: 'nothing but itself' },
  { mode: 'allow', title: 'A list', about: 'the hosts below, through the server’s proxy' },
  { mode: 'open', title: 'Open', about: 'every public address, through the proxy' },
  { mode: 'shared', title: 'Shared', about: 'what the machine reaches, its own services included' },
]

/** What a workspace or a template is made of. */
export function BlueprintForm(props: { draft: Draft; mistakes: Mistakes; onChange: (draft: Draft) => void }) {
  const { draft, mistakes } = props
  const set = (part: Partial<Draft>) => props.onChange({ ...draft, ...part })
  const plugins = useQuery(backends)
  const names = useQuery(secretNames)
  const secrets = useId()
  const around = isolation(draft.backend, draft.mode || 'allow')
  return (
    <>
      <Field
        label="Backend"
        hint={around ? `${around.files} ${around.processes}` : 'What isolates it. Empty: the default.'}
      >
        <select
          className="input"
          value={draft.backend}
          onChange={event => set({ backend: event.target.value })}
        >
          <option value="">Default</option>
          {plugins.data?.map(({ id, health }) => (
            <option key={id} value={id} disabled={health === 'quarantined' || health === 'disabled'}>
              {id}
              {health === 'ready' ? '' : ` (${health})`}
            </option>
          ))}
        </select>
      </Field>
      <fieldset className="choices">
        <legend>Network: what it reaches</legend>
        {MODES.map(({ mode, title, about }) => (
          <label key={mode} className="choice">
            <input type="radio" name="network" checked={draft.mode === mode} onChange={() => set({ mode })} />
            <span>
              {title} <span className="dim">{about}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {draft.mode === 'allow' && (
        <Field label="Hosts" hint="One a line: registry.npmjs.org:443, *.example.org:443, example.org:*">
          <textarea
            className="input mono"
            rows={3}
            value={draft.allow}
            spellCheck={false}
            onChange={event => set({ allow: event.target.value })}
          />
        </Field>
      )}
      {(draft.mode === 'allow' || draft.mode === 'open') && (
        <Field label="By way of">
          <select
            className="input"
            value={draft.via}
            onChange={event => set({ via: event.target.value as Draft['via'] })}
          >
            <option value="">The machine’s own network</option>
            <option value="tailnet">Tailscale</option>
            <option value="exit_node">A Tailscale exit node</option>
          </select>
        </Field>
      )}
      <details open={Boolean(draft.memory || draft.cpus || draft.disk || draft.processes)}>
        <summary>Limits</summary>
        <div>
          <div className="form-pair">
            <Field label="Memory" problem={mistakes.memory}>
              <input
                className="input"
                value={draft.memory}
                placeholder="2 GiB"
                onChange={event => set({ memory: event.target.value })}
              />
            </Field>
            <Field label="Processors" problem={mistakes.cpus}>
              <input
                className="input"
                inputMode="decimal"
                value={draft.cpus}
                placeholder="1.5"
                onChange={event => set({ cpus: event.target.value })}
              />
            </Field>
            <Field label="Processes" problem={mistakes.processes}>
              <input
                className="input"
                inputMode="numeric"
                value={draft.processes}
                placeholder="500"
                onChange={event => set({ processes: event.target.value })}
              />
            </Field>
            <Field label="Disk" problem={mistakes.disk}>
              <input
                className="input"
                value={draft.disk}
                placeholder="10 GiB"
                onChange={event => set({ disk: event.target.value })}
              />
            </Field>
          </div>
        </div>
      </details>
      <details open={draft.init.length > 0}>
        <summary>Init steps</summary>
        <div>
          <RowList
            title="Scripts that are run in it, in this order, when it is made"
            one="step"
            hint="A step that was run before with the same beginnings is taken from there."
            rows={draft.init}
            empty={{ name: '', script: '' }}
            onChange={init => set({ init })}
          >
            {(row, change, index) => (
              <div className="grow step-row">
                <input
                  className="input"
                  aria-label={`Name of step ${index + 1}`}
                  placeholder="Install what the project needs"
                  value={row.name}
                  onChange={event => change({ name: event.target.value })}
                />
                <textarea
                  className="input mono"
                  rows={3}
                  aria-label={`Script of step ${index + 1}`}
                  placeholder="npm ci"
                  spellCheck={false}
                  value={row.script}
                  onChange={event => change({ script: event.target.value })}
                />
              </div>
            )}
          </RowList>
        </div>
      </details>
      <details open={Boolean(draft.instructions || draft.skills)}>
        <summary>What agents are given</summary>
        <div>
          <Field label="Instructions, besides what repositories say">
            <textarea
              className="input"
              rows={4}
              value={draft.instructions}
              onChange={event => set({ instructions: event.target.value })}
            />
          </Field>
          <Field label="Skills of the library" problem={mistakes.skills}>
            <input
              className="input mono"
              value={draft.skills}
              placeholder="pdf, release-notes"
              spellCheck={false}
              onChange={event => set({ skills: event.target.value })}
            />
          </Field>
        </div>
      </details>
      <details open={draft.env.length > 0}>
        <summary>Variables</summary>
        <div>
          <RowList
            title="Variables of all its processes"
            one="variable"
            hint="A secret’s value is put in by the server; agents see it, this page does not."
            rows={draft.env}
            empty={{ name: '', kind: 'text', value: '' } as EnvRow}
            onChange={env => set({ env })}
          >
            {(row, change, index) => (
              <>
                <input
                  className="input mono"
                  aria-label={`Name of variable ${index + 1}`}
                  placeholder="NAME"
                  spellCheck={false}
                  value={row.name}
                  onChange={event => change({ name: event.target.value })}
                />
                <select
                  className="input kind"
                  aria-label={`Kind of variable ${index + 1}`}
                  value={row.kind}
                  onChange={event => change({ kind: event.target.value as EnvRow['kind'] })}
                >
                  <option value="text">is</option>
                  <option value="secret">is the secret</option>
                  <option value="secret_file">names a file with the secret</option>
                </select>
                <input
                  className="input mono"
                  aria-label={`Value of variable ${index + 1}`}
                  list={row.kind === 'text' ? undefined : secrets}
                  spellCheck={false}
                  value={row.value}
                  onChange={event => change({ value: event.target.value })}
                />
              </>
            )}
          </RowList>
          {mistakes.env && <small className="field-problem">{mistakes.env}</small>}
          <datalist id={secrets}>
            {names.data?.map(name => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </div>
      </details>
      <details open={draft.mounts.length > 0}>
        <summary>Directories of the machine</summary>
        <div>
          <RowList
            title="What it sees of the server’s machine"
            one="directory"
            hint="Only below the directories that the configuration allows."
            rows={draft.mounts}
            empty={{ source: '', target: '', writable: false }}
            onChange={mounts => set({ mounts })}
          >
            {(row, change, index) => (
              <>
                <input
                  className="input mono"
                  aria-label={`Directory ${index + 1} on the machine`}
                  placeholder="/srv/data"
                  value={row.source}
                  onChange={event => change({ source: event.target.value })}
                />
                <input
                  className="input mono"
                  aria-label={`Directory ${index + 1} in the workspace`}
                  placeholder="/mnt/data"
                  value={row.target}
                  onChange={event => change({ target: event.target.value })}
                />
                <label className="choice">
                  <input
                    type="checkbox"
                    checked={row.writable}
                    onChange={event => change({ writable: event.target.checked })}
                  />
                  <span>writable</span>
                </label>
              </>
            )}
          </RowList>
          {mistakes.mounts && <small className="field-problem">{mistakes.mounts}</small>}
        </div>
      </details>
      <details open={draft.ports.length > 0}>
        <summary>Ports</summary>
        <div>
          <RowList
            title="What will listen in it"
            one="port"
            rows={draft.ports}
            empty={{ name: '', port: '' }}
            onChange={ports => set({ ports })}
          >
            {(row, change, index) => (
              <>
                <input
                  className="input"
                  aria-label={`Name of port ${index + 1}`}
                  placeholder="web"
                  value={row.name}
                  onChange={event => change({ name: event.target.value })}
                />
                <input
                  className="input"
                  inputMode="numeric"
                  aria-label={`Number of port ${index + 1}`}
                  placeholder="8080"
                  value={row.port}
                  onChange={event => change({ port: event.target.value })}
                />
              </>
            )}
          </RowList>
          {mistakes.ports && <small className="field-problem">{mistakes.ports}</small>}
        </div>
      </details>
      <details open={draft.options !== ''}>
        <summary>Options of the backend</summary>
        <div>
          <Field
            label="A JSON object, by the backend’s own schema"
            hint='nspawn: { "suite": "trixie", "packages": ["nodejs"] }. docker: { "image": "node:22" }.'
            problem={mistakes.options}
          >
            <textarea
              className="input mono"
              rows={4}
              spellCheck={false}
              value={draft.options}
              onChange={event => set({ options: event.target.value })}
            />
          </Field>
        </div>
      </details>
    </>
  )
}
