// Passes UDP datagrams to a chosen backend. A client's address and port make a session, which keeps its backend until it is idle.
import { createSocket, type Socket } from 'node:dgram'
import type { Timer } from '../../base/clock.ts'
import type { ForwarderOptions } from './tcp-forwarder.ts'
import type { Forwarder } from './userspace.ts'

/** k8s: how long the kernel remembers a UDP flow that was answered. */
const IDLE_MS = 120_000
const MAX_SESSIONS = 5000
const MAX_EARLY = 16

interface Session {
  upstream: Socket
  /** What came before the socket was connected; undefined afterwards. */
  early: Buffer[] | undefined
  timer: Timer
}

/** @throws the listening error. */
export function listenUdp({ ip, port, choose, clock, log }: ForwarderOptions): Promise<Forwarder> {
  const sessions = new Map<string, Session>()
  const socket = createSocket('udp4')

  const end = (key: string) => {
    const session = sessions.get(key)
    if (!session) return
    sessions.delete(key)
    session.timer.cancel()
    session.upstream.close()
  }
  const keepAlive = (key: string, session: Session) => {
    session.timer.cancel()
    session.timer = clock.after(IDLE_MS, () => end(key))
  }

  function begin(key: string, client: { address: string; port: number }): Session | undefined {
    const backend = choose(client.address, new Set())
    if (!backend) return undefined
    if (sessions.size >= MAX_SESSIONS) end(sessions.keys().next().value!)
    const upstream = createSocket('udp4')
    const session: Session = { upstream, early: [], timer: clock.after(IDLE_MS, () => end(key)) }
    sessions.set(key, session)
    upstream.on('message', (datagram) => {
      keepAlive(key, session)
      socket.send(datagram, client.port, client.address)
    })
    upstream.on('error', (err) => {
      log.debug({ err, backend }, 'backend refused a datagram')
      end(key)
    })
    upstream.connect(backend.port, backend.ip, () => {
      for (const datagram of session.early ?? []) upstream.send(datagram)
      session.early = undefined
    })
    return session
  }

  socket.on('message', (datagram, client) => {
    const key = `${client.address}:${client.port}`
    const session = sessions.get(key) ?? begin(key, client)
    if (!session) return
    keepAlive(key, session)
    if (!session.early) session.upstream.send(datagram)
    else if (session.early.length < MAX_EARLY) session.early.push(datagram)
  })

  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ address: ip, port, exclusive: true }, () => {
      socket.off('error', reject)
      socket.on('error', (err) => log.error({ err, ip, port }, 'service listener failed'))
      resolve({
        close: () =>
          new Promise((done) => {
            for (const key of [...sessions.keys()]) end(key)
            socket.close(() => done())
          }),
      })
    })
  })
}
