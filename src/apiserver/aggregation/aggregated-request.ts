// Passing requests on to an aggregated server, and its answers back as they come: plain ones, watches, and upgraded connections. The
// client's credentials stay here; the user travels in headers. k8s: this server has authorised the request, the other one does so again.
import type { IncomingMessage } from 'node:http'
import type { ApiRequest, ApiResponse } from '../../api/wire.ts'
import { textResponse } from '../respond.ts'
import { forwardedHeaders, isForwarded } from '../streaming/proxy.ts'
import type { Upstream } from '../streaming/upstream.ts'
import { claimsIdentity } from './front-proxy.ts'
import type { RemoteService } from './remote-service.ts'

const unavailable = () => textResponse('service unavailable\n', 503)

export async function passOn(remote: RemoteService, request: ApiRequest): Promise<ApiResponse> {
  if (!remote.available) return unavailable()
  const at = await remote.server.address().catch(() => undefined)
  if (!at) {
    remote.check()
    return unavailable()
  }
  const { method, body, user, signal } = request
  const bytes = body === undefined || body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body))
  const path = pathAndQuery(request)
  let answer: IncomingMessage
  try {
    const headers = headersFor(request, bytes)
    answer = await remote.server.send(at, { method, path, headers, user }, bytes, signal)
  } catch (err) {
    if (signal.aborted) throw signal.reason
    remote.check()
    return textResponse(`error trying to reach service: ${(err as Error).message}\n`, 503)
  }
  return { status: answer.statusCode ?? 502, headers: answerHeaders(answer), body: { kind: 'stream', stream: answer } }
}

/** Where an upgraded connection leads; undefined while the server is unavailable. */
export async function upgradeTo(remote: RemoteService, request: ApiRequest): Promise<Upstream | undefined> {
  const at = remote.available ? await remote.server.address().catch(() => undefined) : undefined
  if (!at) return undefined
  const path = pathAndQuery(request)
  return {
    url: `https://${at.host}:${at.port}${path}`,
    open: (method, headers) => remote.server.open(at, { method, path, headers, user: request.user }, true),
  }
}

const pathAndQuery = ({ path, query }: ApiRequest) => (query.size > 0 ? `${path}?${query}` : path)

function headersFor(request: ApiRequest, body: Uint8Array | undefined): Record<string, string> {
  const out: Record<string, string> = {}
  for (const [name, value] of Object.entries(forwardedHeaders(request))) {
    if (!claimsIdentity(name)) out[name] = value
  }
  if (body) {
    out['content-length'] = String(body.length)
    out['content-type'] ??= 'application/json'
  }
  return out
}

function answerHeaders(answer: IncomingMessage): Record<string, string> {
  const out: Record<string, string> = {}
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined && isForwarded(name)) out[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return out
}
