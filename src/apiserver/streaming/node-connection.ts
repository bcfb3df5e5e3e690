// HTTPS to a node's agent, with the server's own client certificate. The agent is recognised by its certificate: signed by the
// cluster's CA and made out to `system:node:<name>`; addresses may change, so they aren't looked at.

import type { ClientRequest, IncomingMessage } from 'node:http'
import https, { type RequestOptions } from 'node:https'
import type { PeerCertificate } from 'node:tls'
import { Node } from '../../api/kinds/node.ts'
import { badRequest, internal, notFound, StatusError } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { keyOf } from '../storage/keys.ts'
import type { Store } from '../storage/store.ts'

/** PEM texts. Asked for at every connection: certificates are renewed while the server runs. */
export interface NodeClientTls {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

export interface NodeAddress {
  readonly name: string
  readonly host: string
  readonly port: number
}

const ADDRESS_TYPES = ['InternalIP', 'Hostname', 'ExternalIP', 'InternalDNS', 'ExternalDNS']
const CONNECT_TIMEOUT_MS = 10_000

export function addressOf(node: DeepReadonly<Node>): NodeAddress {
  const { addresses = [], daemonEndpoints } = node.status ?? {}
  const host = ADDRESS_TYPES.map((type) => addresses.find((a) => a.type === type)?.address).find(Boolean)
  if (!host)
    throw badRequest(`no preferred addresses found; known addresses: [${addresses.map((a) => a.address).join(' ')}]`)
  return { name: node.metadata.name, host, port: daemonEndpoints?.kubeletEndpoint?.Port || 10250 }
}

export class NodeConnections {
  readonly #store: Store
  readonly #tls: () => NodeClientTls | undefined

  /** @param tls undefined where the server has no certificates (tests without HTTP) */
  constructor(store: Store, tls: () => NodeClientTls | undefined) {
    this.#store = store
    this.#tls = tls
  }

  /** @throws NotFound for an unknown node, BadRequest for one without an address */
  async locate(nodeName: string): Promise<NodeAddress> {
    const entry = await this.#store.get(keyOf(Node as never, undefined, nodeName))
    if (!entry) throw notFound({ group: '', resource: 'nodes' }, nodeName)
    return addressOf(entry.object as unknown as DeepReadonly<Node>)
  }

  /** A request that the caller writes to and ends. Connecting has a deadline; what comes after may take as long as it likes. */
  open(
    target: NodeAddress,
    options: { method: string; path: string; headers?: Record<string, string | string[]> },
  ): ClientRequest {
    const tls = this.#tls()
    if (!tls) throw internal('this server has no certificate to reach nodes with')
    const request = https.request({
      host: target.host,
      port: target.port,
      method: options.method,
      path: options.path,
      headers: { host: `${target.host}:${target.port}`, ...options.headers },
      ca: tls.ca,
      cert: tls.cert,
      key: tls.key,
      agent: false,
      checkServerIdentity: (_host, certificate) => wrongNode(target.name, certificate),
    } satisfies RequestOptions)
    request.setTimeout(CONNECT_TIMEOUT_MS, () => {
      if (!request.socket?.connecting && request.socket) return
      request.destroy(new Error(`dial tcp ${target.host}:${target.port}: i/o timeout`))
    })
    return request
  }

  /** Sends a whole request and resolves with the head of the answer. Aborting tears the connection down. */
  async fetch(
    target: NodeAddress,
    options: { method: string; path: string; headers?: Record<string, string | string[]>; body?: Uint8Array },
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const request = this.open(target, options)
    const onAbort = () => request.destroy()
    signal.addEventListener('abort', onAbort, { once: true })
    request.once('close', () => signal.removeEventListener('abort', onAbort))
    return new Promise((resolve, reject) => {
      request.once('response', resolve)
      request.once('error', (err) => reject(unreachable(target, options.path, err)))
      request.end(options.body)
    })
  }
}

/** k8s: a node that doesn't answer is an internal error that names the address. */
export function unreachable({ host, port }: NodeAddress, path: string, err: unknown): StatusError {
  const why = err instanceof Error ? err.message : String(err)
  const url = `https://${host}:${port}${path.split('?')[0]}`
  return new StatusError(500, 'InternalError', `Get ${JSON.stringify(url)}: ${why}`, {}, { cause: err })
}

function wrongNode(name: string, certificate: PeerCertificate): Error | undefined {
  const expected = `system:node:${name}`
  const names = [certificate.subject?.CN].flat()
  if (names.includes(expected)) return undefined
  return new Error(`certificate is made out to ${names.join(', ') || 'nobody'}, not to ${expected}`)
}
