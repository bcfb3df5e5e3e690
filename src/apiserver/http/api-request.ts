// A request of HTTP, of either version, as the handler sees it.
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { ApiRequest, UserInfo } from '../../api/wire.ts'
import type { PeerIdentity } from '../authn/authenticator.ts'
import { peerIdentity } from '../authn/client-certificate.ts'
import { Departure } from './departure.ts'
import type { Leaving } from './send.ts'

export type RawRequest = IncomingMessage & {
  stream?: { close(): void; endAfterHeaders?: boolean; session?: { socket?: TLSSocket } }
}

/** A class for the sake of its accessor: those of a literal are made anew for each. */
export class HttpRequest implements ApiRequest {
  readonly method: ApiRequest['method']
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body?: Uint8Array
  readonly user: UserInfo
  readonly remoteAddress: string | undefined
  readonly whenSent: ((done: () => void) => void) | undefined
  readonly #gone: Leaving

  constructor(
    method: ApiRequest['method'],
    path: string,
    query: URLSearchParams,
    headers: Readonly<Record<string, string | undefined>>,
    body: Uint8Array | undefined,
    user: UserInfo,
    remoteAddress: string | undefined,
    gone: Leaving,
  ) {
    this.method = method
    this.path = path
    this.query = query
    this.headers = headers
    if (body) this.body = body
    this.user = user
    this.remoteAddress = remoteAddress
    this.whenSent = gone instanceof Departure ? gone.whenSent : undefined
    this.#gone = gone
  }

  get signal(): AbortSignal {
    return this.#gone.signal
  }
}

/** Node joins repeated headers itself, except the one that no client sends. */
export function flatHeaders({ headers }: IncomingMessage): Record<string, string | undefined> {
  const { 'set-cookie': cookies } = headers
  return (cookies ? { ...headers, 'set-cookie': cookies.join(', ') } : headers) as Record<string, string | undefined>
}

export const remoteAddressOf = (raw: RawRequest) => (raw.stream?.session?.socket ?? raw.socket).remoteAddress

export function peerOf(raw: RawRequest, frontProxyRoot: string | undefined): PeerIdentity | undefined {
  const socket = raw.stream?.session?.socket ?? (raw.socket as TLSSocket)
  return typeof socket.getPeerCertificate === 'function' ? peerIdentity(socket, frontProxyRoot) : undefined
}
