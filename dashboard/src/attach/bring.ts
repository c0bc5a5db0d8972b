import { ProblemError } from '../api/problem'
import { address } from '../api/raw'
import type { Attachment } from '../api/schema'
import { session } from '../session'

/** Brings a file to the server, to be named by a message. `fetch` would not tell how far it has come. */
export function bring(
  file: File,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<Attachment> {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest()
    request.open('POST', address('/attachments', { name: file.name || 'file' }))
    request.setRequestHeader('content-type', 'application/octet-stream')
    request.responseType = 'json'
    request.upload.onprogress = event => progress(event.loaded)
    request.onload = () => {
      if (request.status === 201) return done(request.response as Attachment)
      if (request.status === 401) session.ended()
      failed(ProblemError.from(request.status, request.response))
    }
    request.onerror = () => failed(ProblemError.unreachable())
    request.onabort = () => failed(new DOMException('it is not wanted any more', 'AbortError'))
    signal.addEventListener('abort', () => request.abort())
    if (signal.aborted) return request.abort()
    request.send(file)
  })
}
