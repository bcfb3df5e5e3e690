// Bytes to and from the server over TLS, by hand: for what no HTTP client would send.
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import type { ConformanceServer } from '../conformance/server.ts'

export interface Line {
  readonly socket: TLSSocket
  /** What has come so far, as Latin-1. */
  readonly seen: () => string
  /** Resolves when the server has ended the connection, or nothing has come for a while. */
  quiet(): Promise<void>
}

const QUIET_MS = 150

export async function openLine({ port, pki }: ConformanceServer, protocol: 'http/1.1' | 'h2'): Promise<Line> {
  const { cert, key } = pki.admin
  const options = { host: '127.0.0.1', port, ca: pki.authorityCert, cert, key, ALPNProtocols: [protocol] }
  const socket = connect(options)
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  let seen = ''
  socket.on('data', (chunk: Buffer) => {
    seen += chunk.toString('latin1')
  })
  return {
    socket,
    seen: () => seen,
    quiet: () =>
      new Promise((resolve) => {
        let timer = setTimeout(resolve, QUIET_MS)
        socket.on('data', () => {
          clearTimeout(timer)
          timer = setTimeout(resolve, QUIET_MS)
        })
        socket.once('close', () => {
          clearTimeout(timer)
          resolve()
        })
      }),
  }
}

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goAway: 7,
  window: 8,
  continuation: 9,
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream >>> 0, 5)
  return Buffer.concat([head, payload])
}

/** What a client begins with. */
export const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(FRAME.settings, 0, 0, Buffer.alloc(0)),
])
/** `GET https://a/`, from HPACK's static table. */
export const GET_ROOT = Buffer.from([0x82, 0x87, 0x84, 0x41, 0x01, 0x61])
