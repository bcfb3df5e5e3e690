// Sockets: DNS over UDP and TCP on given addresses. What is asked goes to one handler; connections, questions in flight and time are
// bounded. Knows nothing of zones.
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, isIP, type Server, type Socket } from 'node:net'
import { framed } from './upstream.ts'

export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** The bytes to send back; undefined: nothing. At once where possible. */
export type Handler = (message: Buffer, overUdp: boolean) => Buffer | undefined | Promise<Buffer | undefined>

const MAX_CONNECTIONS = 256
const IDLE_MS = 10_000
/** Questions of one connection that may wait for their answers. */
const MAX_PIPELINED = 64
const MAX_QUESTION_BYTES = 4_096
const RECEIVE_BUFFER_BYTES = 1 << 20

export interface Listening {
  /** As bound; the port is real where 0 was asked for. */
  readonly bound: readonly Endpoint[]
  close(): Promise<void>
}

/** Listens on every endpoint, on UDP and TCP, or on none: rejects with the first failure. */
export async function listen(endpoints: readonly Endpoint[], handler: Handler): Promise<Listening> {
  const closers: (() => Promise<void>)[] = []
  const bound: Endpoint[] = []
  try {
    for (const { address, port } of endpoints) {
      const tcp = await listenTcp({ address, port }, handler)
      closers.push(tcp.close)
      const udp = await listenUdp({ address, port: tcp.port }, handler)
      closers.push(udp.close)
      bound.push({ address, port: tcp.port })
    }
  } catch (err) {
    await Promise.all(closers.map((close) => close()))
    throw err
  }
  return {
    bound,
    async close() {
      await Promise.all(closers.map((close) => close()))
    },
  }
}

async function listenUdp({ address, port }: Endpoint, handler: Handler) {
  const socket = createSocket({
    type: isIP(address) === 6 ? 'udp6' : 'udp4',
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    ...(isIP(address) === 6 && { ipv6Only: true }),
  })
  await bindUdp(socket, port, address)
  let open = true
  const send = (reply: Buffer | undefined, toPort: number, toAddress: string) => {
    // k8s: a reply that can't be delivered is the client's to ask for again
    if (reply && open) socket.send(reply, toPort, toAddress, () => {})
  }
  socket.on('message', (message, { port: fromPort, address: from }) => {
    if (fromPort === 0) return
    const reply = handler(message, true)
    if (reply instanceof Promise) void reply.then((late) => send(late, fromPort, from))
    else send(reply, fromPort, from)
  })
  socket.on('error', () => {})
  return {
    close: () =>
      new Promise<void>((resolve) => {
        open = false
        socket.close(() => resolve())
      }),
  }
}

function bindUdp(socket: UdpSocket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (err: Error) => {
      socket.close()
      reject(err)
    }
    socket.once('error', fail)
    socket.bind({ port, address, exclusive: true }, () => {
      socket.off('error', fail)
      resolve()
    })
  })
}

async function listenTcp({ address, port }: Endpoint, handler: Handler) {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serve(socket, handler)
  })
  server.maxConnections = MAX_CONNECTIONS
  await bindTcp(server, port, address)
  server.on('error', () => {})
  return {
    port: (server.address() as { port: number }).port,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function bindTcp(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host, ipv6Only: isIP(host) === 6, exclusive: true }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Messages behind their lengths, answered as their answers come. */
function serve(socket: Socket, handler: Handler): void {
  let buffered = Buffer.alloc(0)
  let waiting = 0
  socket.setTimeout(IDLE_MS, () => socket.destroy())
  socket.on('error', () => socket.destroy())

  const answer = (message: Buffer) => {
    waiting++
    if (waiting >= MAX_PIPELINED) socket.pause()
    void Promise.resolve(handler(message, false)).then((reply) => {
      waiting--
      if (socket.destroyed) return
      if (!reply) {
        socket.destroy()
        return
      }
      socket.write(framed(reply))
      if (socket.isPaused() && waiting < MAX_PIPELINED) {
        socket.resume()
        take()
      }
    })
  }
  const take = () => {
    while (buffered.length >= 2 && !socket.isPaused()) {
      const length = buffered.readUInt16BE(0)
      if (length > MAX_QUESTION_BYTES) {
        socket.destroy()
        return
      }
      if (buffered.length < 2 + length) return
      const message = buffered.subarray(2, 2 + length)
      buffered = buffered.subarray(2 + length)
      answer(message)
    }
  }
  socket.on('data', (chunk) => {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk])
    take()
  })
}
