// Answers the discovery paths. Documents are made when first asked for and again after the set of kinds changed; the aggregated
// form carries an ETag, so that a client that has it is told so in a few bytes.
import { createHash } from 'node:crypto'
import { pathNotFound } from '../../api/meta/errors.ts'
import type { ApiRequest, ApiResponse } from '../../api/wire.ts'
import type { Aggregator } from '../aggregation/aggregator.ts'
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
  readonly #aggregator: Aggregator | undefined
  #generation = -1
  #documents = new Map<string, Document>()

  /** @param address host:port that clients reach the server by, for the older form of /api */
  constructor(resources: Resources, address: string, aggregator?: Aggregator) {
    this.#resources = resources
    this.#address = address
    this.#aggregator = aggregator
  }

  /** Whether `path` is one of discovery's. */
  static owns(path: string): boolean {
    return /^\/(api|apis)(\/|$)/.test(path)
  }

  respond(request: ApiRequest): ApiResponse | Promise<ApiResponse> {
    const path = request.path.replace(/\/+$/, '')
    if (this.#aggregator && this.#aggregator.remotes.length > 0 && /^\/apis(\/[^/]+)?$/.test(path)) {
      return this.#merged(this.#aggregator, path, request)
    }
    if ((path === '/api' || path === '/apis') && wantsAggregated(request.headers['accept'])) {
      return aggregatedResponse(request, this.#aggregated(path))
    }
    const { object, json } = this.#document(path, () => this.#legacy(path))
    return objectResponse(object, { json, headers: { vary: 'Accept' } })
  }

  #aggregated(path: string): Document {
    return this.#document(`aggregated:${path}`, () =>
      aggregated(this.#resources.groups.filter(({ group }) => (group === '') === (path === '/api'))),
    )
  }

  /** /apis and what is one step below it, with what other servers serve. */
  async #merged(aggregator: Aggregator, path: string, request: ApiRequest): Promise<ApiResponse> {
    const { remoteGroups, versionDiscovery } = await import('../aggregation/remote-discovery.ts')
    const { mergeAggregated, mergeGroup, mergeGroupList } = await import('../aggregation/merged-discovery.ts')
    const foreign = remoteGroups(aggregator)
    const headers = { vary: 'Accept' }
    if (path !== '/apis') {
      const name = path.slice('/apis/'.length)
      const remote = foreign.find(({ group }) => group === name)
      if (!remote) return objectResponse(this.#legacy(path), { headers })
      const local = this.#resources.groups.find(({ group }) => group === name)
      const merged = mergeGroup(local && apiGroup(local), remote)
      return objectResponse({ kind: 'APIGroup', apiVersion: 'v1', ...merged }, { headers })
    }
    if (!wantsAggregated(request.headers['accept'])) {
      return objectResponse(mergeGroupList(this.#legacy(path), foreign), { headers })
    }
    const asked = foreign.map(async (group) => ({
      ...group,
      versions: await Promise.all(group.versions.map(versionDiscovery)),
    }))
    return aggregatedResponse(
      request,
      documentOf(mergeAggregated(this.#aggregated(path).object, await Promise.all(asked))),
    )
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
      document = documentOf(make())
      this.#documents.set(key, document)
    }
    return document
  }
}

function documentOf(object: object): Document {
  const json = Buffer.from(JSON.stringify(object))
  return { object, json, etag: `"${createHash('sha256').update(json).digest('hex').toUpperCase()}"` }
}

function aggregatedResponse(request: ApiRequest, { object, json, etag }: Document): ApiResponse {
  const headers = { 'content-type': AGGREGATED_TYPE, etag, vary: 'Accept' }
  if (request.headers['if-none-match'] === etag) return { status: 304, headers, body: { kind: 'none' } }
  return objectResponse(object, { json, headers })
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
