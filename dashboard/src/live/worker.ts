/// <reference lib="webworker" />
import { Hub, type Port, type ToHub } from './hub'

const hub = new Hub()

;(self as unknown as SharedWorkerGlobalScope).onconnect = event => {
  const channel = event.ports[0]
  if (!channel) return
  const port: Port = { send: message => channel.postMessage(message) }
  channel.onmessage = (message: MessageEvent<ToHub>) => hub.receive(port, message.data)
  hub.attach(port)
}
