// A TCP probe: the connection can be opened.
import { connect } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { connectionError } from './http.ts'
import type { ProbeResult } from './probe.ts'

export function probeTcp(
  host: string,
  port: number,
  timeoutMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ProbeResult>()
  const socket = connect({ host, port })
  const timer = clock.after(timeoutMs, () => {
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
    resolve({ ok: false, message: `dial tcp ${address}: i/o timeout` })
  })
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  socket.on('connect', () => resolve({ ok: true, message: '' }))
  socket.on('error', (err) => resolve({ ok: false, message: connectionError(err, host, port) }))
  return promise.finally(() => {
    timer.cancel()
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
  })
}
