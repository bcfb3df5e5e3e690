// A watch over a WebSocket, as browsers and some older clients want it: one message for each event, text for JSON and binary for
// protobuf. What the client sends means nothing.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { badRequest, StatusError } from '../../api/meta/errors.ts'
import { encodeBuiltin, encodeWatchFrame, PROTOBUF_MEDIA_TYPE } from '../../api/schema/protobuf.ts'
import type { ApiResponse, WatchFrame } from '../../api/wire.ts'

/** Of a message from the client. */
const MAX_MESSAGE_BYTES = 1024
/** The length before an event in a plain protobuf watch; messages have their own. */
const LENGTH_BYTES = 4

/** Watches are what browsers ask for with `new WebSocket('…?watch=true')`. */
export const isWatchUrl = (url: string): boolean => /[?&]watch=(?!0(&|$)|false(&|$))|^\/apis?\/.*\/watch\//.test(url)

/** Resolves when the watch or the connection has ended. @throws StatusError when the answer is none */
export async function sendWatchMessages(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { status, headers, body }: ApiResponse,
): Promise<void> {
  if (body.kind === 'object' && status >= 400) throw StatusError.from(body.object)
  if (body.kind !== 'watch') throw badRequest('only watches can be had over a WebSocket')
  const binary = headers['content-type'] === PROTOBUF_MEDIA_TYPE
  const client = await accepted(request, socket, head)
  client.on('error', () => client.terminate())
  try {
    for await (const frame of body.events) {
      if (client.readyState !== client.OPEN) return
      await sent(client, frame, binary)
    }
  } catch {
    client.terminate()
  } finally {
    client.close()
  }
}

async function accepted(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<WebSocket> {
  // Few watches come this way: what speaks WebSocket is loaded when the first one does.
  const { WebSocketServer } = await import('ws')
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, handleProtocols: chosenProtocol })
  return new Promise((resolve, reject) => {
    server.once('wsClientError', (err) => reject(badRequest(err.message)))
    // Whoever has gone by now is not answered.
    socket.once('close', () => reject(badRequest('the client closed the connection')))
    server.handleUpgrade(request, socket, head, resolve)
  })
}

/** A token may travel among the subprotocols; it isn't told back. */
const chosenProtocol = (offered: ReadonlySet<string>) =>
  [...offered].find((protocol) => !protocol.startsWith('base64url.bearer.')) ?? false

function sent(client: WebSocket, { event, line }: WatchFrame, binary: boolean): Promise<void> {
  const message = binary
    ? encodeWatchFrame(event.type, encodeBuiltin(event.object)).subarray(LENGTH_BYTES)
    : Buffer.from(line()).subarray(0, -1) // messages have ends of their own
  return new Promise((resolve, reject) => {
    client.send(message, { binary }, (err) => (err ? reject(err) : resolve()))
  })
}
