// Requests that leave HTTP: exec, attach and port-forward, over WebSocket or SPDY. Picks the protocol, answers the upgrade and runs the
// conversation to its end. `ws` is loaded when the first such request comes.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '../../base/clock.ts'
import { type Ctx, child } from '../../base/ctx.ts'
import type { RuntimeService } from '../cri/runtime.ts'
import { HttpError } from './http-error.ts'
import type { PodLookup } from './lookup.ts'
import { type Dial, PORT_FORWARD_PROTOCOL, PortForwardPairs } from './port-forward.ts'
import { forwardChannels, parsePorts } from './port-forward-ws.ts'
import { findTarget, parseRemoteCommand, type RemoteCommand, runRemoteCommand } from './remote-command.ts'
import { SPDY_COMMAND_PROTOCOLS, SpdyCommand } from './remote-command-spdy.ts'
import { REMOTE_COMMAND_PROTOCOLS, WebSocketCommand } from './remote-command-ws.ts'
import { SpdySession } from './spdy/session.ts'

/** k8s: streamingConnectionIdleTimeout. */
export const IDLE_TIMEOUT_MS = 4 * 3600 * 1000
const MAX_MESSAGE_BYTES = 32 << 20
/** kubectl's port-forward since 1.31: SPDY frames in binary messages. */
const TUNNEL_PROTOCOL = `SPDY/3.1+${PORT_FORWARD_PROTOCOL}`
const FORWARD_CHANNEL_PROTOCOLS = [
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
]

export interface StreamingOptions {
  runtime: RuntimeService
  pods: PodLookup
  clock: Clock
}

export interface Upgrade {
  request: IncomingMessage
  socket: Duplex & { setTimeout?(ms: number, onTimeout?: () => void): unknown }
  head: Buffer
  path: readonly string[]
  query: URLSearchParams
}

export class Streaming {
  readonly #options: StreamingOptions
  #webSockets: Promise<WebSocketServer> | undefined

  constructor(options: StreamingOptions) {
    this.#options = options
  }

  /** Runs the conversation. @throws HttpError before the upgrade was answered. */
  async serve(ctx: Ctx, upgrade: Upgrade): Promise<void> {
    const { request, socket } = upgrade
    const protocol = (request.headers.upgrade ?? '').toLowerCase()
    if (protocol !== 'websocket' && protocol !== 'spdy/3.1')
      throw new HttpError(
        400,
        `unable to upgrade: protocol ${JSON.stringify(request.headers.upgrade ?? '')} is not supported`,
      )
    const kind = upgrade.path[0] ?? ''
    const isForward = kind === 'portForward'
    const gone = new AbortController()
    const onClose = () => gone.abort(new Error('the client has gone away'))
    socket.once('close', onClose)
    socket.setTimeout?.(IDLE_TIMEOUT_MS, () => socket.destroy())
    try {
      const [, namespace = '', pod = ''] = upgrade.path
      const within = child(ctx, { stream: kind, pod: `${namespace}/${pod}` }, gone.signal)
      if (protocol === 'websocket')
        await (isForward ? this.#forwardWebSocket(within, upgrade) : this.#commandWebSocket(within, upgrade))
      else await (isForward ? this.#forwardSpdy(within, upgrade) : this.#commandSpdy(within, upgrade))
    } catch (err) {
      if (!gone.signal.aborted || err instanceof HttpError) throw err
    } finally {
      socket.off('close', onClose)
    }
  }

  // --- exec and attach ------------------------------------------------------------------------------------------------------------

  #command(upgrade: Upgrade): { command: RemoteCommand; containerId: string } {
    const command = parseRemoteCommand(upgrade.path, upgrade.query)
    const { containerId, container } = findTarget(this.#options.pods, command)
    // k8s: an attached stream is a terminal when the container has one, whatever is asked for.
    if (command.kind === 'attach') {
      command.tty = container.tty
      command.stdin &&= container.stdin
      if (container.tty) command.stderr = false
    }
    return { command, containerId }
  }

  async #commandWebSocket(ctx: Ctx, upgrade: Upgrade): Promise<void> {
    const { command, containerId } = this.#command(upgrade)
    const ws = await this.#acceptWebSocket(upgrade, REMOTE_COMMAND_PROTOCOLS)
    const conversation = new WebSocketCommand(ws, command)
    await conversation.greet(command)
    const result = await runRemoteCommand(ctx, this.#options.runtime, containerId, command, conversation.streams)
    await conversation.finish(result)
    await closed(ws)
  }

  async #commandSpdy(ctx: Ctx, upgrade: Upgrade): Promise<void> {
    const { command, containerId } = this.#command(upgrade)
    const protocol = chooseStreamProtocol(upgrade.request, SPDY_COMMAND_PROTOCOLS, 'channel.k8s.io')
    acceptSpdy(upgrade, protocol)
    let conversation: SpdyCommand | undefined
    const session = new SpdySession(upgrade.socket, {
      role: 'server',
      maxStreams: 8,
      onStream: (stream) => conversation?.add(stream),
    })
    conversation = new SpdyCommand(session, protocol, command)
    const ended = session.run().then((err) => conversation.abandon(err ?? new Error('the client has gone away')))
    try {
      const streams = await conversation.opened(this.#options.clock)
      await conversation.finish(await runRemoteCommand(ctx, this.#options.runtime, containerId, command, streams))
    } finally {
      session.close()
      await ended
    }
  }

  // --- port-forward ---------------------------------------------------------------------------------------------------------------

  #dialer(upgrade: Upgrade): Dial {
    const [, namespace = '', name = '', uid] = upgrade.path
    const pod = this.#options.pods.find(namespace, name)
    if (!pod || (uid !== undefined && pod.uid !== uid)) throw new HttpError(404, 'pod does not exist')
    const { sandboxId } = pod
    if (!sandboxId) throw new HttpError(500, `pod ${name} is not running: no sandbox`)
    return (ctx, port) => this.#options.runtime.portForward(ctx, sandboxId, port)
  }

  async #forwardSpdy(ctx: Ctx, upgrade: Upgrade): Promise<void> {
    const dial = this.#dialer(upgrade)
    acceptSpdy(upgrade, chooseStreamProtocol(upgrade.request, [PORT_FORWARD_PROTOCOL], PORT_FORWARD_PROTOCOL))
    await this.#forwardSession(ctx, upgrade.socket, dial)
  }

  async #forwardWebSocket(ctx: Ctx, upgrade: Upgrade): Promise<void> {
    const dial = this.#dialer(upgrade)
    const offered = offeredProtocols(upgrade.request)
    if (offered.includes(TUNNEL_PROTOCOL)) {
      const ws = await this.#acceptWebSocket(upgrade, [TUNNEL_PROTOCOL])
      const { createWebSocketStream } = await import('ws')
      const tunnel = createWebSocketStream(ws)
      tunnel.on('error', () => undefined)
      await this.#forwardSession(ctx, tunnel, dial)
      ws.close(1000)
      await closed(ws)
      return
    }
    const ports = parsePorts(upgrade.query)
    const ws = await this.#acceptWebSocket(upgrade, FORWARD_CHANNEL_PROTOCOLS)
    await forwardChannels(ctx, ws, ports, dial)
    await closed(ws)
  }

  async #forwardSession(ctx: Ctx, transport: Duplex, dial: Dial): Promise<void> {
    const stop = new AbortController()
    const within = child(ctx, {}, stop.signal)
    const pairs = new PortForwardPairs(this.#options.clock, dial)
    const connections = new Set<Promise<void>>()
    const session = new SpdySession(transport, {
      role: 'server',
      maxStreams: 1024,
      onStream: (stream) => {
        const connection = pairs.add(within, stream)?.finally(() => connections.delete(connection!))
        if (connection) connections.add(connection)
      },
    })
    await session.run()
    stop.abort(new Error('the client has gone away'))
    pairs.close()
    await Promise.allSettled(connections)
  }

  // --- WebSocket ------------------------------------------------------------------------------------------------------------------

  async #acceptWebSocket(upgrade: Upgrade, supported: readonly string[]): Promise<WebSocket> {
    const offered = offeredProtocols(upgrade.request)
    const chosen = supported.find((protocol) => offered.includes(protocol))
    if (offered.length > 0 && !chosen)
      throw new HttpError(
        400,
        `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${supported.join(' ')}]`,
      )
    this.#webSockets ??= import('ws').then(({ WebSocketServer }) => {
      const server = new WebSocketServer({
        noServer: true,
        clientTracking: false,
        perMessageDeflate: false,
        maxPayload: MAX_MESSAGE_BYTES,
        // Called after the choice above, with the same outcome.
        handleProtocols: (protocols, request) => choices.get(request) ?? [...protocols][0] ?? false,
      })
      server.on('headers', (headers, request) => {
        if (choices.get(request) === TUNNEL_PROTOCOL) headers.push(`Sec-WebSocket-Protocol: ${TUNNEL_PROTOCOL}`)
      })
      return server
    })
    const server = await this.#webSockets
    if (chosen) choices.set(upgrade.request, chosen)
    // `ws` knows no names with a slash: it is not shown this one, and what it answers is completed above.
    if (chosen === TUNNEL_PROTOCOL) delete upgrade.request.headers['sec-websocket-protocol']
    return new Promise((resolve, reject) => {
      upgrade.socket.once('close', () => reject(new HttpError(400, 'the client has gone away')))
      server.handleUpgrade(upgrade.request, upgrade.socket, upgrade.head, (ws) => {
        ws.on('error', () => ws.terminate())
        resolve(ws)
      })
    })
  }
}

const choices = new WeakMap<IncomingMessage, string>()

const offeredProtocols = (request: IncomingMessage): string[] =>
  (request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '')

/** The best of X-Stream-Protocol-Version, which may come several times. @throws HttpError 403 as the kubelet does. */
export function chooseStreamProtocol(request: IncomingMessage, supported: readonly string[], unnamed: string): string {
  const offered = [request.headers['x-stream-protocol-version'] ?? []]
    .flat()
    .flatMap((value) => value.split(',').map((v) => v.trim()))
  if (offered.length === 0) return unnamed
  const chosen = supported.find((protocol) => offered.includes(protocol))
  if (!chosen)
    throw new HttpError(
      403,
      `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${supported.join(' ')}]`,
    )
  return chosen
}

function acceptSpdy({ socket, head }: Upgrade, protocol: string): void {
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  )
  if (head.length > 0) socket.unshift(head)
}

function closed(ws: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    if (ws.readyState === ws.CLOSED) return resolve()
    ws.once('close', () => resolve())
  })
}
