// A gRPC health check (grpc.health.v1.Health/Check) over cleartext HTTP/2. Two tiny messages, so they are written and read by hand.
import type { Clock } from '../../base/clock.ts'
import type { ProbeResult } from './probe.ts'

const SERVING = 1
const STATUS_NAMES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']
const UNIMPLEMENTED = '12'

export async function probeGrpc(
  host: string,
  port: number,
  service: string,
  timeoutMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { connect } = await import('node:http2')
  const { promise, resolve, reject } = Promise.withResolvers<ProbeResult>()
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const session = connect(`http://${address}`)
  const timer = clock.after(timeoutMs, () => {
    resolve({
      ok: false,
      message: `timeout: failed to connect service "${address}" within ${timeoutMs / 1000}s: context deadline exceeded`,
    })
  })
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const fail = (err: Error) => resolve({ ok: false, message: `error: health rpc failed: ${err.message}` })
  session.on('error', fail)
  const stream = session.request({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': 'kube-probe/1.36',
  })
  const chunks: Buffer[] = []
  let grpcStatus = ''
  const readStatus = (headers: Readonly<Record<string, unknown>>) => {
    if (headers['grpc-status'] !== undefined) grpcStatus = String(headers['grpc-status'])
  }
  stream.on('response', readStatus)
  stream.on('trailers', readStatus)
  stream.on('data', (chunk: Buffer) => {
    if (chunks.length < 16) chunks.push(chunk)
  })
  stream.on('error', fail)
  stream.on('end', () => resolve(judge(grpcStatus, Buffer.concat(chunks), address)))
  stream.end(encodeRequest(service))
  return promise.finally(() => {
    timer.cancel()
    signal.removeEventListener('abort', onAbort)
    session.destroy()
  })
}

/** One length-prefixed message: field 1, the service's name. */
export function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service)
  const body = name.length > 0 ? Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]) : Buffer.alloc(0)
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(body.length, 1)
  return Buffer.concat([prefix, body])
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)]
}

/** @param message the response with its prefix: field 1, the serving status; absent means UNKNOWN. */
export function judge(grpcStatus: string, message: Buffer, address: string): ProbeResult {
  if (grpcStatus === UNIMPLEMENTED)
    return {
      ok: false,
      message: `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${address}`,
    }
  if (grpcStatus !== '0' && grpcStatus !== '')
    return { ok: false, message: `error: health rpc failed with code ${grpcStatus}` }
  const status = message.length >= 7 && message[5] === 0x08 ? (message[6] ?? 0) : 0
  if (status === SERVING) return { ok: true, message: '' }
  return { ok: false, message: `service unhealthy (responded with "${STATUS_NAMES[status] ?? status}")` }
}
