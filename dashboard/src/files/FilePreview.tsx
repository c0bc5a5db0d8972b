import { useQuery } from '@tanstack/react-query'
import { Download, X } from 'lucide-react'
import { useEffect, useState } from 'react'
import type { FileEntry } from '../api/schema'
import { Coloured } from '../highlight/Coloured'
import { languageOf } from '../highlight/languages'
import { bytes } from '../ui/format'
import { Failed, Loading } from '../ui/states'
import { contentUrl, entry, PREVIEW, preview } from './queries'
import './files.css'

/** A file beside the list. */
export function FilePreview(props: { workspace: string; path: string; onClose: () => void }) {
  const { workspace, path } = props
  const query = useQuery(entry(workspace, path))
  return (
    <section className="preview" aria-label={`Preview of ${path}`}>
      <div className="row">
        <h2 className="cut grow mono">{path.slice(path.lastIndexOf('/') + 1)}</h2>
        {query.data && <span className="dim num">{bytes(query.data.size)}</span>}
        <a className="button small" href={contentUrl(workspace, path)} download>
          <Download className="icon" aria-hidden />
          Download
        </a>
        <button type="button" className="button bare small" onClick={props.onClose}>
          <X className="icon" aria-hidden />
          <span className="hidden">Close the preview</span>
        </button>
      </div>
      {query.error && <Failed error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && !query.error && <Loading rows={4} />}
      {query.data && <Content workspace={workspace} entry={query.data} />}
    </section>
  )
}

/** The content of a file as far as it can be looked at. */
export function Content(props: { workspace: string; entry: FileEntry }) {
  const { entry } = props
  const query = useQuery(preview(props.workspace, entry))
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />
  if (!query.data) return <Loading rows={4} />
  const shown = query.data
  if (shown.kind === 'image') return <Picture image={shown.image} name={entry.name} />
  if (shown.kind === 'binary') return <p className="soft">This is no text. Download it to look at it.</p>
  return (
    <>
      {entry.size > PREVIEW && <p className="dim">The first {bytes(PREVIEW)} of it.</p>}
      <section className="preview-text" tabIndex={0} aria-label="Content">
        <pre>
          {shown.text ? (
            <Coloured text={shown.text} language={languageOf(entry.name)} />
          ) : (
            <span className="dim">It is empty.</span>
          )}
        </pre>
      </section>
    </>
  )
}

function Picture(props: { image: Blob; name: string }) {
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    const url = URL.createObjectURL(props.image)
    setUrl(url)
    return () => URL.revokeObjectURL(url)
  }, [props.image])
  return url ? <img className="preview-image" src={url} alt={props.name} /> : null
}
