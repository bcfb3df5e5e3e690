// Calls to web services of the cluster's users: admission webhooks, conversion webhooks, authorisation webhooks. A review object goes
// out by POST, over HTTPS with kept-alive connections per target, and one comes back. Every call has a deadline and a bound on the
// answer. Nothing is open and no timer runs while nothing is called; loaded by the first caller.
//
// Errors are CallFailed, whose message is what follows `failed to call webhook: ` in the real server's sentences.
import type { IncomingMessage } from 'node:http'
import https, { type RequestOptions } from 'node:https'
import { isIP } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import type { Store } from '../storage/store.ts'
import { wholeBody } from './answer-body.ts'
import { answerError, CallFailed, connectionText } from './call-errors.ts'
import { type Address, resolveService } from './service-endpoint.ts'

/** `clientConfig` of webhook configurations and of CRD conversion. */
export interface ClientConfig {
  readonly url?: string | undefined
  readonly service?:
    | {
        readonly namespace: string
        readonly name: string
        readonly path?: string | undefined
        readonly port?: number | undefined
      }
    | undefined
  /** Base64 of PEM; the system's authorities without it. */
  readonly caBundle?: string | undefined
}

/** How this server shows itself to the other side, as in a kubeconfig. PEM texts. */
export interface CallCredentials {
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly token?: string | undefined
  /** `name:password`; not used beside a token. */
  readonly basic?: string | undefined
  /** More authorities to trust. */
  readonly ca?: string | undefined
  readonly serverName?: string | undefined
  readonly insecure?: boolean | undefined
}

export interface CallOptions {
  readonly timeoutMs: number
  /** Aborted: the call is given up, and rejects with the signal's reason. */
  readonly signal: AbortSignal
  /** 8 MiB unless given. */
  readonly maxAnswerBytes?: number
  readonly credentials?: CallCredentials
  /** k8s: tell the other side how much time it has, as `?timeout=10s`. True unless given. */
  readonly tellTimeout?: boolean
}

export interface WebhookClientParts {
  readonly store: Store
  readonly clock: Clock
  readonly random: () => number
}

const MAX_ANSWER_BYTES = 8 * 1024 * 1024
/** Unused connections are closed after this. */
const IDLE_MS = 90_000
const MAX_IDLE_PER_TARGET = 16
const DEADLINE = 'context deadline exceeded'

/** Where a call goes: what is shown, what is verified, and what is dialled. */
interface Target {
  /** With the port where it was given. */
  readonly origin: string
  readonly path: string
  readonly serverName: string
  /** Asked for at each call: endpoints come and go. */
  address(): Promise<Address>
}

export class WebhookClient {
  readonly #parts: WebhookClientParts
  #agent: https.Agent | undefined

  constructor(parts: WebhookClientParts) {
    this.#parts = parts
  }

  /**
   * The JSON value that the other side answered with.
   * @throws CallFailed, or the signal's reason
   */
  async post(config: ClientConfig, body: object, options: CallOptions): Promise<unknown> {
    const target = this.#target(config)
    const { signal, timeoutMs, maxAnswerBytes = MAX_ANSWER_BYTES } = options
    const path = target.path + (options.tellTimeout === false ? '' : `?timeout=${Math.ceil(timeoutMs / 1000)}s`)
    const prefix = `Post ${JSON.stringify(target.origin + path)}: `
    signal.throwIfAborted()
    const stop = new AbortController()
    const onAbort = () => stop.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const late = new CallFailed(prefix + DEADLINE, { timedOut: true })
    const timer = this.#parts.clock.after(timeoutMs, () => stop.abort(late))
    try {
      const bytes = Buffer.from(JSON.stringify(body))
      const answer = await this.#send({ ...target, path }, bytes, config, options, stop.signal)
      return parsed(answer, await wholeBody(answer, maxAnswerBytes))
    } catch (err) {
      if (stop.signal.aborted) throw stop.signal.reason
      if (err instanceof CallFailed) throw err
      throw new CallFailed(prefix + (err as Error).message, { cause: err })
    } finally {
      timer.cancel()
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Closes kept connections. Calls may still be made afterwards. */
  close(): void {
    this.#agent?.destroy()
    this.#agent = undefined
  }

  #target(config: ClientConfig): Target {
    const { service, url } = config
    if (service) {
      const { namespace, name, port = 443, path = '/' } = service
      const serverName = `${name}.${namespace}.svc`
      const { store, random } = this.#parts
      return {
        origin: `https://${serverName}:${port}`,
        path: path.startsWith('/') ? path : `/${path}`,
        serverName,
        address: () => resolveService(store, { namespace, name, port }, random),
      }
    }
    if (!url) throw new CallFailed('webhook configuration must have either service or URL')
    const parsed = urlOf(url)
    const host = parsed.hostname.replace(/^\[|\]$/g, '')
    const address = async () => ({ host, port: Number(parsed.port) || 443 })
    return { origin: parsed.origin, path: parsed.pathname, serverName: host, address }
  }

  /** A kept connection that the other side closed meanwhile is not the call's fault: it is made once more on a new one. */
  async #send(target: Target, body: Buffer, config: ClientConfig, options: CallOptions, signal: AbortSignal) {
    const { host, port } = await target.address()
    const { credentials } = options
    const serverName = credentials?.serverName ?? target.serverName
    const request: RequestOptions = {
      host,
      port,
      path: target.path,
      method: 'POST',
      headers: {
        host: target.origin.slice('https://'.length),
        accept: 'application/json, */*',
        'content-type': 'application/json',
        'content-length': body.length,
        'user-agent': 'kube-apiserver-admission',
        ...authorization(credentials),
      },
      agent: this.#pool(),
      signal,
      ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
      ...trust(config, credentials),
      ...(credentials?.cert && credentials.key ? { cert: credentials.cert, key: credentials.key } : {}),
    }
    const at = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
    for (let again = false; ; again = true) {
      try {
        return await head(request, body)
      } catch (err) {
        if (err instanceof StaleConnection && !again && !signal.aborted) continue
        const cause = err instanceof StaleConnection ? err.cause : err
        throw new Error(connectionText(cause, at), { cause })
      }
    }
  }

  #pool(): https.Agent {
    this.#agent ??= new https.Agent({ keepAlive: true, timeout: IDLE_MS, maxFreeSockets: MAX_IDLE_PER_TARGET })
    return this.#agent
  }
}

class StaleConnection extends Error {}

function head(options: RequestOptions, body: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = https.request(options)
    request.once('response', resolve)
    request.on('error', (err: NodeJS.ErrnoException) => {
      const stale = request.reusedSocket && (err.code === 'ECONNRESET' || err.code === 'EPIPE')
      reject(stale ? new StaleConnection(err.message, { cause: err }) : err)
    })
    request.end(body)
  })
}

function authorization({ token, basic }: CallCredentials = {}): { authorization?: string } {
  if (token) return { authorization: `Bearer ${token}` }
  return basic ? { authorization: `Basic ${Buffer.from(basic).toString('base64')}` } : {}
}

/** What users of kubeconfigs are named after: host and port of the call. */
export function targetOf({ service, url = '' }: ClientConfig): string {
  if (service) return `${service.name}.${service.namespace}.svc:${service.port ?? 443}`
  const { hostname, port } = urlOf(url)
  return `${hostname}:${port || 443}`
}

function trust(config: ClientConfig, credentials: CallCredentials | undefined): RequestOptions {
  if (credentials?.insecure) return { rejectUnauthorized: false }
  const bundle = config.caBundle ? Buffer.from(config.caBundle, 'base64').toString() : ''
  const ca = [bundle, credentials?.ca ?? ''].filter(Boolean)
  return ca.length > 0 ? { ca } : {}
}

function parsed({ statusCode = 500, headers }: IncomingMessage, bytes: Buffer): unknown {
  const text = bytes.toString()
  if (statusCode < 200 || statusCode > 206) {
    const isText = /^(text\/|application\/json)/.test(headers['content-type'] ?? 'text/plain')
    const status = answerError(statusCode, text, isText)
    throw new CallFailed(status.message, { status })
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new CallFailed(`couldn't get version/kind; json parse error: ${(cause as Error).message}`, { cause })
  }
}

function urlOf(text: string): URL {
  try {
    return new URL(text)
  } catch (cause) {
    throw new CallFailed(`Unparsable URL: parse ${JSON.stringify(text)}: invalid URL`, { cause })
  }
}
