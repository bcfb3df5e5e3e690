// How many connections there may be, in all and from one address, those included whose TLS handshake is not over: what is beyond is cut
// before it costs anything.
import type { Socket } from 'node:net'

export interface ConnectionLimits {
  readonly total: number
  readonly perAddress: number
}

/** What of a server is needed. */
interface Listening {
  maxConnections?: number
  on(event: 'connection', listener: (socket: Socket) => void): unknown
}

export function limitConnections(server: Listening, limits: ConnectionLimits, refused: () => void): void {
  const byAddress = new Map<string, number>()
  server.maxConnections = limits.total
  server.on('connection', (socket) => {
    const address = socket.remoteAddress ?? ''
    const count = (byAddress.get(address) ?? 0) + 1
    if (count > limits.perAddress) {
      refused()
      socket.destroy()
      return
    }
    byAddress.set(address, count)
    socket.once('close', () => {
      const left = byAddress.get(address)! - 1
      if (left > 0) byAddress.set(address, left)
      else byAddress.delete(address)
    })
  })
}
