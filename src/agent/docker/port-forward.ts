// A TCP connection to a port of a pod, also to servers that listen only on the pod's loopback interface. A small Node process is started
// in the pod's network namespace (nsenter comes with util-linux); it connects there and hands the open socket over to this process, so it
// carries no data and ends when it has nothing to do for a few seconds. Where we may not enter, the pod's address is dialled from outside.
import { type ChildProcess, spawn } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock, Timer } from '../../base/clock.ts'
import { RuntimeError } from '../cri/runtime.ts'

const IDLE_MS = 5_000
const MAX_BRIDGES = 64

/** Runs in the pod's namespace. `pause` before the connection is there: no byte may be read on this side. */
const BRIDGE = `
const { connect } = require('node:net')
process.on('message', ({ request, port }) => {
  const dial = (host, fail) => {
    const socket = connect({ host, port, allowHalfOpen: true })
    socket.pause()
    socket.once('connect', () => process.send({ request }, socket, { keepOpen: false }))
    socket.once('error', fail)
  }
  dial('127.0.0.1', (err) => dial('::1', () => process.send({ request, error: err.code || err.message })))
})
process.on('disconnect', () => process.exit(0))
process.send({ ready: true })
`

interface Waiting {
  resolve: (socket: Duplex) => void
  reject: (err: Error) => void
}
interface Bridge {
  child: ChildProcess
  ready: Promise<void>
  waiting: Map<number, Waiting>
  idle: Timer | undefined
}

export class PortForwarder {
  readonly #clock: Clock
  readonly #bridges = new Map<number, Bridge>()
  #request = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param pid a process of the pod's network namespace. */
  async connect(signal: AbortSignal, pid: number, address: string, port: number): Promise<Duplex> {
    signal.throwIfAborted()
    if (process.getuid?.() !== 0) return dial(signal, address || '127.0.0.1', port)
    const bridge = this.#bridge(pid)
    bridge.idle?.cancel()
    await bridge.ready
    const request = this.#request++
    const answer = Promise.withResolvers<Duplex>()
    bridge.waiting.set(request, answer)
    bridge.child.send({ request, port })
    try {
      return await Promise.race([answer.promise, rejected(signal)])
    } catch (err) {
      signal.throwIfAborted()
      throw new RuntimeError(
        'Unknown',
        `failed to connect to localhost:${port} inside the pod: ${(err as Error).message}`,
        {
          cause: err,
        },
      )
    } finally {
      bridge.waiting.delete(request)
      this.#rest(pid, bridge)
    }
  }

  #bridge(pid: number): Bridge {
    const current = this.#bridges.get(pid)
    if (current) return current
    if (this.#bridges.size >= MAX_BRIDGES)
      throw new RuntimeError('Unknown', 'too many pods are being forwarded to at once')
    const child = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, process.execPath, '-e', BRIDGE], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { PATH: process.env['PATH'] ?? '' },
    })
    const ready = Promise.withResolvers<void>()
    const bridge: Bridge = { child, ready: ready.promise, waiting: new Map(), idle: undefined }
    let said = ''
    child.stderr?.on('data', (chunk) => {
      said = (said + chunk).slice(0, 1000)
    })
    const fail = (err: Error) => {
      if (this.#bridges.get(pid) === bridge) this.#bridges.delete(pid)
      ready.reject(err)
      for (const waiting of bridge.waiting.values()) waiting.reject(err)
    }
    child.on('error', (err) => fail(new RuntimeError('Unknown', `cannot enter the pod's network: ${err.message}`)))
    child.on('exit', () =>
      fail(new RuntimeError('Unknown', `cannot enter the pod's network: ${said.trim() || 'the pod has ended'}`)),
    )
    child.on('message', (message: { ready?: true; request?: number; error?: string }, socket) => {
      if (message.ready) return ready.resolve()
      const waiting = bridge.waiting.get(message.request ?? -1)
      if (!waiting) return void (socket as Socket | undefined)?.destroy()
      if (message.error) waiting.reject(new Error(refusal(message.error)))
      else {
        const open = socket as Socket
        open.allowHalfOpen = true
        waiting.resolve(open)
      }
    })
    ready.promise.catch(() => undefined)
    // Nobody waits for it, so it keeps nobody alive.
    child.unref()
    child.channel?.unref?.()
    this.#bridges.set(pid, bridge)
    return bridge
  }

  #rest(pid: number, bridge: Bridge): void {
    if (bridge.waiting.size > 0) return
    bridge.idle?.cancel()
    bridge.idle = this.#clock.after(IDLE_MS, () => {
      if (this.#bridges.get(pid) === bridge) this.#bridges.delete(pid)
      bridge.child.kill()
    })
  }

  close(): void {
    for (const bridge of this.#bridges.values()) bridge.child.kill()
    this.#bridges.clear()
  }
}

function dial(signal: AbortSignal, host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, signal })
    socket.once('connect', () => {
      socket.off('error', onError)
      resolve(socket)
    })
    const onError = (err: NodeJS.ErrnoException) => {
      if (signal.aborted) return reject(signal.reason)
      reject(
        new RuntimeError(
          'Unknown',
          `failed to connect to port ${port} of the pod: ${refusal(err.code ?? err.message)}`,
        ),
      )
    }
    socket.once('error', onError)
  })
}

const refusal = (code: string) =>
  ({ ECONNREFUSED: 'connection refused', ETIMEDOUT: 'connection timed out', EHOSTUNREACH: 'no route to host' })[code] ??
  code

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
