// The OpenAPI endpoints: /openapi/v2, /openapi/v3 and /openapi/v3/<group-version>. Documents are made when first asked for and only
// the latest few are kept (most clients look at one or two); of the others their hash is remembered, which the v3 index and caching need.
// Nothing is computed before the first request.
import { createHash } from 'node:crypto'
import type { Kind } from '../../api/kinds/kind.ts'
import { notAcceptable, pathNotFound } from '../../api/meta/errors.ts'
import type { ApiResponse } from '../../api/wire.ts'
import { groupVersionKinds } from './definitions.ts'
import { v2Document } from './v2.ts'
import { encodeV2 } from './v2-protobuf.ts'
import { v3Document } from './v3.ts'

/** What is served; `Resources` is one. `generation` rises with every change. */
export interface ServedKinds {
  readonly generation: number
  readonly kinds: readonly Kind[]
}

export interface OpenApiDocument {
  readonly bytes: Uint8Array
  readonly contentType: string
  /** Upper-case hex of the content's SHA-512. */
  readonly hash: string
}

const JSON_TYPE = 'application/json'
const V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'
export const V2_PROTOBUF_ANSWER = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

export const takesOpenApiProtobuf = (accept = '') =>
  [V2_PROTOBUF, V2_PROTOBUF_ANSWER].some((type) => accept.toLowerCase().includes(type))

/** Documents whose bytes are kept. */
const KEPT = 3

export class OpenApi {
  readonly #served: ServedKinds
  readonly #version: string
  #generation = -1
  /** The latest used last. */
  readonly #documents = new Map<string, OpenApiDocument>()
  readonly #hashes = new Map<string, string>()

  /** @param version the server's, as in `/version`: `v1.36.0` */
  constructor(served: ServedKinds, version: string) {
    this.#served = served
    this.#version = version
  }

  /** @throws StatusError: NotFound for a group-version that is not served, NotAcceptable for a media type that is not made. */
  respond(path: string, query: URLSearchParams, headers: Readonly<Record<string, string | undefined>>): ApiResponse {
    this.#refresh()
    const accepted = (headers['accept'] ?? '').toLowerCase()
    if (path === '/openapi/v2') {
      const protobuf = takesOpenApiProtobuf(accepted)
      if (!protobuf && !takesJson(accepted)) throw notAcceptable([JSON_TYPE, V2_PROTOBUF_ANSWER])
      return respondWith(this.#document(protobuf ? 'v2.pb' : 'v2'), headers, undefined)
    }
    if (!takesJson(accepted)) throw notAcceptable([JSON_TYPE])
    if (path === '/openapi/v3') return respondWith(this.#document('v3'), headers, undefined)
    const groupVersion = path.startsWith('/openapi/v3/') ? path.slice('/openapi/v3/'.length) : ''
    if (!this.#groupVersions().has(groupVersion)) throw pathNotFound()
    const document = this.#document(groupVersion)
    const hash = query.get('hash')
    if (hash && hash !== document.hash) {
      const location = serverRelativeUrl(groupVersion, document.hash)
      return { status: 301, headers: { location }, body: { kind: 'none' } }
    }
    return respondWith(document, headers, hash ? 'public, immutable' : undefined)
  }

  #refresh(): void {
    if (this.#generation === this.#served.generation) return
    this.#generation = this.#served.generation
    this.#documents.clear()
    this.#hashes.clear()
  }

  /** `apis/apps/v1` → its kinds. */
  #groupVersions(): Map<string, Kind[]> {
    const out = new Map<string, Kind[]>()
    for (const kind of this.#served.kinds) {
      const key = kind.group ? `apis/${kind.group}/${kind.version}` : `api/${kind.version}`
      const kinds = out.get(key)
      if (kinds) kinds.push(kind)
      else out.set(key, [kind])
    }
    return out
  }

  #document(key: string): OpenApiDocument {
    const known = this.#documents.get(key)
    const document = known ?? this.#make(key)
    this.#documents.delete(key)
    this.#documents.set(key, document)
    for (const oldest of this.#documents.keys()) {
      if (this.#documents.size <= KEPT) break
      this.#documents.delete(oldest)
    }
    return document
  }

  #make(key: string): OpenApiDocument {
    const contentType = key === 'v2.pb' ? V2_PROTOBUF_ANSWER : JSON_TYPE
    const bytes = key === 'v2.pb' ? encodeV2(v2Document(this.#served.kinds, this.#version)) : toBytes(this.#value(key))
    const hash = createHash('sha512').update(bytes).digest('hex').toUpperCase()
    this.#hashes.set(key, hash)
    return { bytes, contentType, hash }
  }

  #value(key: string): object {
    if (key === 'v2') return v2Document(this.#served.kinds, this.#version)
    if (key === 'v3') return this.#index()
    return v3Document(this.#groupVersions().get(key)!, this.#version, groupVersionKinds(this.#served.kinds))
  }

  #index(): object {
    const paths: Record<string, object> = {}
    for (const key of [...this.#groupVersions().keys()].sort()) {
      const hash = this.#hashes.get(key) ?? this.#make(key).hash
      paths[key] = { serverRelativeURL: serverRelativeUrl(key, hash) }
    }
    return { paths }
  }
}

const toBytes = (value: object): Uint8Array => Buffer.from(JSON.stringify(value))

const serverRelativeUrl = (groupVersion: string, hash: string) => `/openapi/v3/${groupVersion}?hash=${hash}`

const takesJson = (accepted: string) =>
  accepted === '' || accepted.includes('*/*') || accepted.includes('application/*') || accepted.includes(JSON_TYPE)

function respondWith(
  { bytes, contentType, hash }: OpenApiDocument,
  headers: Readonly<Record<string, string | undefined>>,
  caching: string | undefined,
): ApiResponse {
  const etag = `"${hash}"`
  const common = {
    etag,
    vary: 'Accept',
    'cache-control': caching ?? 'no-cache, private',
  }
  if (headers['if-none-match']?.includes(etag)) return { status: 304, headers: common, body: { kind: 'none' } }
  return { status: 200, headers: { ...common, 'content-type': contentType }, body: { kind: 'bytes', bytes } }
}
