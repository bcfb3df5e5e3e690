// Accepts TCP connections on one address and passes their bytes to a chosen backend, half-closes included.
import { connect, createServer, type Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/log.ts'
import type { Backend } from './table.ts'
import type { Choose, Forwarder } from './userspace.ts'

export interface ForwarderOptions {
  ip: string
  port: number
  choose: Choose
  clock: Clock
  log: Logger
}

/** How long a backend may take to accept before the next one is tried. */
const CONNECT_TIMEOUT_MS = 2000
const MAX_CONNECTIONS = 10_000

/** @throws the listening error (EADDRINUSE, EADDRNOTAVAIL …). */
export function listenTcp({ ip, port, choose, clock, log }: ForwarderOptions): Promise<Forwarder> {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    open.add(client)
    client.on('close', () => open.delete(client))
    client.on('error', () => client.destroy())
    join(client, new Set())
  })
  server.maxConnections = MAX_CONNECTIONS

  function join(client: Socket, failed: Set<Backend>): void {
    const backend = choose(client.remoteAddress ?? '', failed)
    if (!backend || client.destroyed) return void client.resetAndDestroy()
    const upstream = connect({ host: backend.ip, port: backend.port, allowHalfOpen: true })
    const giveUp = clock.after(CONNECT_TIMEOUT_MS, () => upstream.destroy(new Error('connect timed out')))
    const onFailure = (err: Error) => {
      giveUp.cancel()
      log.debug({ err, backend }, 'backend refused a connection, trying another')
      join(client, failed.add(backend))
    }
    upstream.once('error', onFailure)
    upstream.once('connect', () => {
      giveUp.cancel()
      upstream.off('error', onFailure)
      upstream.on('error', () => client.resetAndDestroy())
      client.on('error', () => upstream.destroy())
      client.on('close', () => upstream.destroy())
      upstream.on('close', () => client.end())
      client.pipe(upstream)
      upstream.pipe(client)
    })
  }

  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: ip, port }, () => {
      server.off('error', reject)
      server.on('error', (err) => log.error({ err, ip, port }, 'service listener failed'))
      resolve({
        close: () =>
          new Promise((done) => {
            server.close(() => done())
            for (const client of open) client.destroy()
          }),
      })
    })
  })
}
