// The connection to one aggregated server: HTTPS to an endpoint of its Service, with the front proxy's certificate and the user in
// headers. Its certificate is checked against the APIService's bundle, under the Service's name.
import type { ClientRequest, IncomingMessage } from 'node:http'
import https, { type RequestOptions } from 'node:https'
import type { APIService } from '../../api/kinds/api-service.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { UserInfo } from '../../api/wire.ts'
import type { KeyPair } from '../../base/certificates.ts'
import type { Store } from '../storage/store.ts'
import { type Address, resolveService } from '../webhooks/service-endpoint.ts'
import { userHeaders } from './front-proxy.ts'

export interface RemoteParts {
  readonly store: Store
  readonly random: () => number
  /** Asked for at every connection: it is renewed while the server runs. Undefined without certificates (tests). */
  readonly clientPair: () => KeyPair | undefined
}

export interface RemoteRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly user: UserInfo
}

const IDLE_MS = 90_000

export class RemoteServer {
  readonly #parts: RemoteParts
  readonly #spec: DeepReadonly<APIService>['spec']
  readonly #agent = new https.Agent({ keepAlive: true, timeout: IDLE_MS })

  constructor(parts: RemoteParts, spec: DeepReadonly<APIService>['spec']) {
    this.#parts = parts
    this.#spec = spec
  }

  close(): void {
    this.#agent.destroy()
  }

  /** @throws Unresolvable */
  address(): Promise<Address> {
    const { namespace = '', name = '', port = 443 } = this.#spec.service!
    return resolveService(this.#parts.store, { namespace, name, port }, this.#parts.random)
  }

  /** A request that the caller writes to and ends. @param upgrade on a connection of its own */
  open({ host, port }: Address, request: RemoteRequest, upgrade = false): ClientRequest {
    const { service, caBundle, insecureSkipTLSVerify } = this.#spec
    const pair = this.#parts.clientPair()
    const ca = caBundle ? { ca: Buffer.from(caBundle, 'base64') } : {}
    return https.request({
      host,
      port,
      method: request.method,
      path: request.path,
      headers: { ...request.headers, host: `${host}:${port}`, ...userHeaders(request.user) },
      servername: `${service!.name}.${service!.namespace}.svc`,
      agent: upgrade ? false : this.#agent,
      ...ca,
      ...(insecureSkipTLSVerify ? { rejectUnauthorized: false } : {}),
      ...(pair ? { cert: pair.cert, key: pair.key } : {}),
    } satisfies RequestOptions)
  }

  /** Sends a whole request and resolves with the head of the answer. */
  send(
    at: Address,
    request: RemoteRequest,
    body: Uint8Array | undefined,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const sent = this.open(at, request)
    const onAbort = () => sent.destroy(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    sent.once('close', () => signal.removeEventListener('abort', onAbort))
    return new Promise((resolve, reject) => {
      sent.once('response', resolve)
      sent.on('error', reject)
      sent.end(body)
      if (signal.aborted) onAbort()
    })
  }
}
