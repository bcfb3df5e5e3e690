// Answers the discovery paths. Documents are made when first asked for and again after the set of kinds changed; the aggregated
// form carries an ETag, so that a client that has it is told so in a few bytes.
import { createHash } from 'node:crypto'
import { pathNotFound } from '../../api/meta/errors.ts'
import type { ApiRequest, ApiResponse } from '../../api/wire.ts'
import { parseAccept } from '../negotiate.ts'
import type { Resources } from '../resources.ts'
import { objectResponse } from '../respond.ts'
import { aggregated, apiGroup, apiGroupList, apiResourceList, apiVersions } from './documents.ts'

const AGGREGATED_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

interface Document {
  object: object
  json: Buffer
  etag: string
}

export class Discovery {
  readonly #resources: Resources
  readonly #address: string
  #generation = -1
  #documents = new Map<string, Document>()

  /** @param address host:port that clients reach the server by, for the older form of /api */
  constructor(resources: Resources, address: string) {
    this.#resources = resources
    this.#address = address
  }

  /** Whether `path` is one of discovery's. */
  static owns(path: string): boolean {
    return /^\/(api|apis)(\/|$)/.test(path)
  }

  respond(request: ApiRequest): ApiResponse {
    const path = request.path.replace(/\/+$/, '')
    if ((path === '/api' || path === '/apis') && wantsAggregated(request.headers['accept'])) {
      const { object, json, etag } = this.#document(`aggregated:${path}`, () =>
        aggregated(this.#resources.groups.filter(({ group }) => (group === '') === (path === '/api'))),
      )
      const headers = { 'content-type': AGGREGATED_TYPE, etag, vary: 'Accept' }
      if (request.headers['if-none-match'] === etag) return { status: 304, headers, body: { kind: 'none' } }
      return objectResponse(object, { json, headers })
    }
    const { object, json } = this.#document(path, () => this.#legacy(path))
    return objectResponse(object, { json, headers: { vary: 'Accept' } })
  }

  #legacy(path: string): object {
    if (path === '/api') return apiVersions(this.#address)
    if (path === '/apis') return apiGroupList(this.#resources.groups)
    const [, root, ...rest] = path.split('/')
    const [name = '', versionName] = root === 'api' ? ['', ...rest] : rest
    const group = this.#resources.groups.find((g) => g.group === name && (root === 'api') === (name === ''))
    if (!group) throw pathNotFound()
    if (versionName === undefined) return { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(group) }
    const version = group.versions.find((v) => v.version === versionName)
    if (!version) throw pathNotFound()
    return apiResourceList(group.group, version)
  }

  #document(key: string, make: () => object): Document {
    if (this.#generation !== this.#resources.generation) {
      this.#documents.clear()
      this.#generation = this.#resources.generation
    }
    let document = this.#documents.get(key)
    if (!document) {
      const object = make()
      const json = Buffer.from(JSON.stringify(object))
      const etag = `"${createHash('sha256').update(json).digest('hex').toUpperCase()}"`
      document = { object, json, etag }
      this.#documents.set(key, document)
    }
    return document
  }
}

function wantsAggregated(accept: string | undefined): boolean {
  if (!accept?.includes('APIGroupDiscoveryList')) return false
  for (const { type, params } of parseAccept(accept)) {
    if (type !== 'application/json' && type !== '*/*') continue
    if (params['as'] === undefined) return false
    if (params['as'] === 'APIGroupDiscoveryList' && params['v'] === 'v2') return true
  }
  return false
}
