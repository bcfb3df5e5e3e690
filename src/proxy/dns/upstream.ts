// One exchange with one upstream server: over UDP with a fresh port and a random id, over TCP when the answer doesn't fit. A datagram
// from elsewhere, with another id or about another question, is not the answer.
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { createConnection, isIP } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { encodeQuery } from './message-writer.ts'
import { FLAG, parseResponse, type Question, type Response } from './wire.ts'

export interface Upstream {
  readonly address: string
  readonly port: number
}

export interface Asked {
  readonly question: Question
  readonly checkingDisabled: boolean
  readonly edns: boolean
  readonly dnssecOk: boolean
}

export interface Received {
  readonly message: Buffer
  readonly response: Response
}

const UDP_TIMEOUT_MS = 1_500
const TCP_TIMEOUT_MS = 3_000

/** Rejects when no valid answer came in time, or when the signal is aborted. */
export async function exchange(upstream: Upstream, asked: Asked, clock: Clock, signal: AbortSignal): Promise<Received> {
  const received = await overUdp(upstream, asked, clock, signal)
  return received.response.flags & FLAG.TC ? overTcp(upstream, asked, clock, signal) : received
}

function queryOf({ question, ...options }: Asked) {
  const id = randomInt(0x1_0000)
  const accept = (message: Buffer): Received | undefined => {
    const response = parseResponse(message)
    const same =
      response?.id === id &&
      response.question.name === question.name &&
      response.question.type === question.type &&
      response.question.class === question.class
    return same ? { message, response } : undefined
  }
  return { bytes: encodeQuery(id, question.bytes, options), accept }
}

/** The promise of one answer, with everything that can end it. */
function oneAnswer(
  timeoutMs: number,
  clock: Clock,
  signal: AbortSignal,
  begin: (done: (result: Received | Error) => void) => () => void,
): Promise<Received> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const finish = (result: Received | Error) => {
      timer.cancel()
      signal.removeEventListener('abort', onAbort)
      close()
      if (result instanceof Error) reject(result)
      else resolve(result)
    }
    const onAbort = () => finish(signal.reason)
    const timer = clock.after(timeoutMs, () => finish(new Error('upstream did not answer in time')))
    signal.addEventListener('abort', onAbort, { once: true })
    const close = begin((result) => queueMicrotask(() => finish(result)))
  })
}

function overUdp({ address, port }: Upstream, asked: Asked, clock: Clock, signal: AbortSignal): Promise<Received> {
  const { bytes, accept } = queryOf(asked)
  return oneAnswer(UDP_TIMEOUT_MS, clock, signal, (done) => {
    const socket = createSocket(isIP(address.split('%')[0]!) === 6 ? 'udp6' : 'udp4')
    let open = true
    socket.on('error', done)
    socket.on('message', (message) => {
      const received = accept(message)
      if (received) done(received)
    })
    // a connected socket takes datagrams from its peer only, and hears at once when nobody listens there
    socket.connect(port, address, () => {
      if (open) socket.send(bytes)
    })
    return () => {
      if (open) socket.close()
      open = false
    }
  })
}

function overTcp({ address, port }: Upstream, asked: Asked, clock: Clock, signal: AbortSignal): Promise<Received> {
  const { bytes, accept } = queryOf(asked)
  return oneAnswer(TCP_TIMEOUT_MS, clock, signal, (done) => {
    const socket = createConnection({ host: address, port })
    let buffered = Buffer.alloc(0)
    socket.on('error', done)
    socket.on('close', () => done(new Error('upstream closed the connection')))
    socket.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk])
      if (buffered.length < 2 || buffered.length < 2 + buffered.readUInt16BE(0)) return
      const received = accept(buffered.subarray(2, 2 + buffered.readUInt16BE(0)))
      done(received ?? new Error('upstream answered something else'))
    })
    socket.write(framed(bytes))
    return () => socket.destroy()
  })
}

/** A message as it goes over TCP: behind its length. */
export function framed(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(message.length + 2)
  frame.writeUInt16BE(message.length, 0)
  message.copy(frame, 2)
  return frame
}
