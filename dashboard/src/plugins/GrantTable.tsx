import type { PluginInfo } from '../api/schema'
import { DataTable } from '../ui/DataTable'
import { StateMark } from '../ui/StateMark'
import { type GrantRow, grantRows, isFlag } from './grants'

/** What a plugin asks for, what it is given, and what its code can use at all. */
export function GrantTable(props: { plugin: PluginInfo }) {
  const rows = grantRows(props.plugin)
  if (rows.length === 0) {
    return <p className="soft">It asks for nothing and is granted nothing: it gets data and returns data.</p>
  }
  return (
    <DataTable label="Grants" head={['Standing', 'Grant', 'Asked', 'Granted', 'In its code']}>
      {rows.map(row => (
        <tr key={row.key}>
          <td data-label="Standing">
            <StateMark standing={standing(row)} />
          </td>
          <td data-label="Grant" className="text">
            {row.sentence}
            <p className="dim mono">{row.key}</p>
          </td>
          <td data-label="Asked" className="text">
            {row.asked ? (
              <>
                <Values of={row.asked.values} none={isFlag(row.key) ? 'yes' : 'whatever you choose'} />
                {row.asked.why && <p className="soft">{row.asked.why}</p>}
              </>
            ) : (
              <span className="dim">not asked for</span>
            )}
          </td>
          <td data-label="Granted" className="text">
            <Values of={row.granted} none="no" />
          </td>
          <td data-label="In code">{row.used ? 'used' : <span className="dim">not used</span>}</td>
        </tr>
      ))}
    </DataTable>
  )
}

function standing({ whole, asked, granted, used }: GrantRow) {
  if (!whole) return { glyph: '✕', word: granted.length > 0 ? 'In part' : 'Missing', tone: 'fail' as const }
  if (granted.length === 0) return { glyph: '○', word: 'Yours to choose', tone: '' as const }
  if (!asked && !used) return { glyph: '○', word: 'Without effect', tone: '' as const }
  return { glyph: '✓', word: 'Granted', tone: 'ok' as const }
}

function Values(props: { of: string[]; none: string }) {
  const values = props.of.filter(value => value !== 'yes')
  if (values.length === 0) return <span>{props.of.length > 0 ? 'yes' : props.none}</span>
  return <code>{values.join(', ')}</code>
}
