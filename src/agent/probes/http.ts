// HTTP and HTTPS requests for probes and lifecycle hooks. Certificates are not verified, connections are not kept, redirects are
// followed on the same host only. Any status from 200 to 399 is good.
import http from 'node:http'
import https from 'node:https'
import type { Clock } from '../../base/clock.ts'
import type { ProbeResult } from './probe.ts'

export interface HttpTarget {
  scheme: 'HTTP' | 'HTTPS'
  host: string
  port: number
  path: string
  headers: readonly { readonly name: string; readonly value: string }[]
}
const MOST_BODY_BYTES = 10 * 1024
const MOST_REDIRECTS = 10
const USER_AGENT = 'kube-probe/1.36'

interface Answer {
  status: number
  location: string | undefined
  body: string
}

export async function probeHttp(
  target: HttpTarget,
  timeoutMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const timeout = new AbortController()
  const timer = clock.after(timeoutMs, () => timeout.abort())
  const ended = AbortSignal.any([signal, timeout.signal])
  const bracketed = target.host.includes(':') ? `[${target.host}]` : target.host
  const path = target.path.startsWith('/') ? target.path : `/${target.path}`
  let url = new URL(`${target.scheme.toLowerCase()}://${bracketed}:${target.port}${path}`)
  const shown = url.href
  try {
    for (let redirects = 0; ; redirects++) {
      const answer = await request(url, target.headers, ended)
      if (answer.status >= 300 && answer.status < 400 && answer.location) {
        const next = new URL(answer.location, url)
        // k8s: a redirect to another host is taken for success.
        if (next.hostname !== url.hostname) return { ok: true, message: 'Probe terminated redirects' }
        if (redirects >= MOST_REDIRECTS) return { ok: false, message: `Get "${shown}": stopped after 10 redirects` }
        url = next
        continue
      }
      if (answer.status >= 200 && answer.status < 400) return { ok: true, message: answer.body }
      return { ok: false, message: `HTTP probe failed with statuscode: ${answer.status}` }
    }
  } catch (err) {
    signal.throwIfAborted()
    const why = timeout.signal.aborted
      ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
      : connectionError(err, target.host, target.port)
    return { ok: false, message: `Get "${shown}": ${why}` }
  } finally {
    timer.cancel()
  }
}

function request(url: URL, headers: HttpTarget['headers'], signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { method: 'GET', headers: headerObject(headers), agent: false, signal, rejectUnauthorized: false }
    const sent = (url.protocol === 'https:' ? https : http).request(url, options, (response) => {
      const chunks: Buffer[] = []
      let size = 0
      const finish = () => {
        const body = Buffer.concat(chunks).toString('utf8')
        resolve({ status: response.statusCode ?? 0, location: response.headers.location, body })
        sent.destroy()
      }
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk.subarray(0, MOST_BODY_BYTES - size))
        size += chunk.length
        if (size >= MOST_BODY_BYTES) finish()
      })
      response.on('end', finish)
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end()
  })
}

/** Repeated names become several header lines. `Host` replaces the default. */
function headerObject(headers: HttpTarget['headers']): Record<string, string | string[]> {
  const result: Record<string, string | string[]> = {}
  for (const { name, value } of headers) {
    const key = name.toLowerCase()
    const before = result[key]
    result[key] = before === undefined ? value : key === 'host' ? value : [before, value].flat()
  }
  result['user-agent'] ??= USER_AGENT
  result['accept'] ??= '*/*'
  result['connection'] = 'close'
  return result
}

/** k8s: in the words of the standard's dialer. */
export function connectionError(err: unknown, host: string, port: number): string {
  const code = (err as { code?: string }).code
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: `dial tcp ${address}: connect: connection refused`,
    EHOSTUNREACH: `dial tcp ${address}: connect: no route to host`,
    ENETUNREACH: `dial tcp ${address}: connect: network is unreachable`,
    ETIMEDOUT: `dial tcp ${address}: i/o timeout`,
    ECONNRESET: 'read: connection reset by peer',
    ENOTFOUND: `dial tcp: lookup ${host}: no such host`,
  }
  return words[code ?? ''] ?? (err instanceof Error ? err.message : String(err))
}
