// Upgraded connections (WebSocket, SPDY): the server authenticates, authorises and admits the request, opens the same upgrade towards
// the pod's node, and from then on only carries bytes both ways.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { StatusError } from '../../api/meta/errors.ts'
import type { Logger } from '../../base/log.ts'
import { toStatusError } from '../respond.ts'
import { forwardedFor } from '../streaming/proxy.ts'
import type { Upstream } from '../streaming/upstream.ts'
import { flatHeaders } from './api-request.ts'

const HOP_HEADERS = ['connection', 'upgrade']
const PASSED = /^(sec-websocket-|x-stream-protocol-version$|origin$|user-agent$|accept)/

/** Resolves when the connection has ended on either side. Never rejects. */
export async function tunnel(
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  upstream: Upstream,
  log: Logger,
): Promise<void> {
  const outgoing = upstream.open(request.method ?? 'GET', upgradeHeaders(request))
  await new Promise<void>((resolve) => {
    client.once('close', () => {
      outgoing.destroy()
      resolve()
    })
    client.on('error', (err) => log.debug({ err }, 'client side of the tunnel failed'))
    outgoing.once('upgrade', (answer, node, nodeHead) => {
      node.on('error', (err) => log.debug({ err }, 'node side of the tunnel failed'))
      client.write(headText(answer, 101))
      if (nodeHead.length > 0) client.write(nodeHead)
      if (head.length > 0) node.write(head)
      setNoDelay(client)
      setNoDelay(node)
      node.pipe(client)
      client.pipe(node)
      node.once('close', () => client.destroy())
      client.once('close', () => node.destroy())
    })
    outgoing.once('response', (answer) => {
      client.write(headText(answer, answer.statusCode ?? 502))
      answer.pipe(client)
    })
    outgoing.once('error', (err) => {
      refuseUpgrade(client, new StatusError(500, 'InternalError', `error dialing backend: ${err.message}`, {}))
    })
    outgoing.end()
  })
}

function upgradeHeaders(request: IncomingMessage): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined && (HOP_HEADERS.includes(name) || PASSED.test(name))) headers[name] = value
  }
  // Several protocols are offered in several headers of one name; Node joins what it doesn't know to be a list.
  const versions = request.headersDistinct['x-stream-protocol-version']
  if (versions) headers['x-stream-protocol-version'] = versions
  // A token travels in the list of subprotocols where a browser can't send a header; it is for this server alone.
  const protocols = request.headers['sec-websocket-protocol']
  if (protocols) headers['sec-websocket-protocol'] = withoutToken(protocols)
  const { remoteAddress } = request.socket
  return { ...headers, ...forwardedFor({ headers: flatHeaders(request), remoteAddress }) }
}

const withoutToken = (protocols: string) =>
  protocols
    .split(',')
    .map((text) => text.trim())
    .filter((text) => !text.startsWith('base64url.bearer.authorization.k8s.io.'))
    .join(', ')

function headText(answer: IncomingMessage, status: number): string {
  const lines = [`HTTP/1.1 ${status} ${answer.statusMessage ?? ''}`]
  const hop = status === 101 ? [] : ['transfer-encoding', 'connection', 'keep-alive']
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2) {
    const name = answer.rawHeaders[i]!
    if (!hop.includes(name.toLowerCase())) lines.push(`${name}: ${answer.rawHeaders[i + 1]}`)
  }
  if (status !== 101) lines.push('Connection: close')
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** Answers an upgrade that can't be had, in plain HTTP, and closes. */
export function refuseUpgrade(client: Duplex, err: unknown): void {
  if (client.destroyed) return
  const status = toStatusError(err)
  const body = Buffer.from(JSON.stringify(status.toStatus()))
  const lines = [
    `HTTP/1.1 ${status.code} ${status.reason}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ]
  client.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]))
}

function setNoDelay(stream: Duplex): void {
  if ('setNoDelay' in stream && typeof stream.setNoDelay === 'function') stream.setNoDelay(true)
  if ('setTimeout' in stream && typeof stream.setTimeout === 'function') stream.setTimeout(0)
}
