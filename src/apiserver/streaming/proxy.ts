// The proxy subresources of nodes, pods and services for plain requests: the request goes on, the answer comes back as it arrives.
import type { IncomingMessage } from 'node:http'
import { badRequest, StatusError } from '../../api/meta/errors.ts'
import type { ApiRequest } from '../../api/wire.ts'
import type { Action } from '../handler.ts'
import { admitConnect } from './connect-options.ts'
import type { NodeConnections } from './node-connection.ts'
import { type Upstream, upstreamOf } from './upstream.ts'

/** Headers that concern one hop only, and the client's credentials, which are for this server alone. */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])
export const isForwarded = (name: string) =>
  !name.startsWith(':') && !name.startsWith('impersonate-') && !NOT_FORWARDED.has(name)

export function proxy(nodes: NodeConnections): Action {
  return async (registry, call) => {
    await admitConnect(registry, call)
    const upstream = await upstreamOf(registry, call, nodes)
    const answer = await forward(upstream, call.request)
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(answer.headers)) {
      if (value !== undefined && isForwarded(name)) headers[name] = Array.isArray(value) ? value.join(', ') : value
    }
    headers['content-type'] ??= 'application/octet-stream'
    return { status: answer.statusCode ?? 502, headers, body: { kind: 'stream', stream: answer } }
  }
}

/** Plain HTTP can't carry exec, attach and port-forward. k8s: where they would lead is found out first. */
export function upgradeRequired(nodes: NodeConnections): Action {
  return async (registry, call) => {
    await upstreamOf(registry, call, nodes)
    throw badRequest('Upgrade request required')
  }
}

export function forwardedHeaders({ headers, remoteAddress }: ForwardedRequest): Record<string, string> {
  const forwarded: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && isForwarded(name)) forwarded[name] = value
  }
  return { ...forwarded, ...forwardedFor({ headers, remoteAddress }) }
}

type ForwardedRequest = Pick<ApiRequest, 'headers' | 'remoteAddress'>

/** Who asked, after those who passed the request on before. */
export function forwardedFor({ headers, remoteAddress }: ForwardedRequest): Record<string, string> {
  if (!remoteAddress) return {}
  const before = headers[FORWARDED_FOR]
  return { [FORWARDED_FOR]: before ? `${before}, ${remoteAddress}` : remoteAddress }
}

const FORWARDED_FOR = 'x-forwarded-for'

function forward(upstream: Upstream, asked: ApiRequest): Promise<IncomingMessage> {
  const { method, body, signal } = asked
  const request = upstream.open(method, forwardedHeaders(asked))
  const onAbort = () => request.destroy()
  signal.addEventListener('abort', onAbort, { once: true })
  request.once('close', () => signal.removeEventListener('abort', onAbort))
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', (err) => {
      const message = `error trying to reach service: ${err.message}`
      reject(new StatusError(503, 'ServiceUnavailable', message, {}, { cause: err }))
    })
    request.end(body instanceof Uint8Array ? body : body && JSON.stringify(body))
  })
}
