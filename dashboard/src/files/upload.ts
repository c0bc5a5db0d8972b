import { api, call } from '../api/client'
import { address, raw } from '../api/raw'
import type { FileWritten, Upload } from '../api/schema'

/** One part of a file, so that progress is told and little is lost when the connection breaks. */
const PART = 4 << 20
const TRIES = 4

/** Puts a file into a workspace. It is seen there only when it is whole. */
export async function upload(
  workspace: string,
  path: string,
  file: Blob,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<FileWritten> {
  const started = (await call(
    api.POST('/api/v1/workspaces/{id}/uploads', {
      params: { path: { id: workspace } },
      body: { path, total: file.size },
    }),
  )) as Upload
  const place = `/workspaces/${workspace}/uploads/${started.id}`
  try {
    let received = started.received
    let failures = 0
    while (received < file.size) {
      try {
        const response = await raw(address(place, { offset: received }), {
          method: 'PATCH',
          body: file.slice(received, received + PART),
          headers: { 'content-type': 'application/octet-stream' },
          signal,
        })
        received = ((await response.json()) as Upload).received
        failures = 0
        progress(received)
      } catch (error) {
        failures += 1
        if (signal.aborted || failures >= TRIES) throw error
        // How much of the part came is known to the server alone.
        received = ((await (await raw(address(place), { signal })).json()) as Upload).received
      }
    }
    const finished = await raw(address(`${place}/finish`, { parents: true }), { method: 'POST', signal })
    return (await finished.json()) as FileWritten
  } catch (error) {
    await raw(address(place), { method: 'DELETE' }).catch(() => undefined)
    throw error
  }
}
