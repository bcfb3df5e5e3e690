// OpenAPI with what other servers publish: the index of v3 names their group-versions (whose documents are passed on), and v2 is one
// document with theirs merged in, where they can be had as JSON.
import { createHash } from 'node:crypto'
import type { ApiRequest, ApiResponse } from '../../api/wire.ts'
import { objectResponse } from '../respond.ts'
import type { Aggregator } from './aggregator.ts'

type Json = Record<string, unknown>

interface Index {
  readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>
}

const asRecord = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}

/** @param local this server's own answer, as JSON */
export async function mergedOpenApi(aggregator: Aggregator, request: ApiRequest, local: object): Promise<ApiResponse> {
  const v3 = request.path.replace(/\/+$/, '') === '/openapi/v3'
  return etagged(
    request,
    v3 ? await mergedIndex(aggregator, local as Index) : await mergedV2(aggregator, local as Json),
  )
}

async function mergedIndex(aggregator: Aggregator, local: Index): Promise<object> {
  const paths: Record<string, unknown> = { ...local.paths }
  for (const remote of aggregator.remotes.filter(({ available }) => available)) {
    const key = `apis/${remote.group}/${remote.version}`
    const index = asRecord(await remote.document('/openapi/v3', 'application/json'))
    const entry = asRecord(asRecord(index['paths'])[key])
    if (typeof entry['serverRelativeURL'] === 'string') paths[key] = { serverRelativeURL: entry['serverRelativeURL'] }
  }
  return { paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))) }
}

/** What this server defines itself stays as it is. Of another one only its own group-version's paths are taken. */
async function mergedV2(aggregator: Aggregator, local: Json): Promise<object> {
  const paths = { ...asRecord(local['paths']) }
  const definitions = { ...asRecord(local['definitions']) }
  for (const remote of aggregator.remotes.filter(({ available }) => available)) {
    const document = asRecord(await remote.document('/openapi/v2', 'application/json'))
    const prefix = `/apis/${remote.group}/${remote.version}`
    for (const [path, item] of Object.entries(asRecord(document['paths']))) {
      if (path === `${prefix}/` || path.startsWith(`${prefix}/`)) paths[path] ??= item
    }
    for (const [name, definition] of Object.entries(asRecord(document['definitions']))) definitions[name] ??= definition
  }
  return { ...local, paths, definitions }
}

function etagged(request: ApiRequest, object: object): ApiResponse {
  const json = Buffer.from(JSON.stringify(object))
  const etag = `"${createHash('sha512').update(json).digest('hex').toUpperCase()}"`
  const headers = { etag, vary: 'Accept', 'cache-control': 'no-cache, private' }
  if (request.headers['if-none-match'] === etag) return { status: 304, headers, body: { kind: 'none' } }
  return objectResponse(object, { json, headers })
}
