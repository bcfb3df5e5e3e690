// OpenAPI with what other servers publish: the index of v3 names their group-versions (whose documents are passed on), and v2 is one
// document with theirs merged in, as JSON or protobuf.
import { createHash } from 'node:crypto'
import type { ApiRequest, ApiResponse } from '../../api/wire.ts'
import { takesOpenApiProtobuf, V2_PROTOBUF_ANSWER } from '../openapi/documents.ts'
import { encodeV2 } from '../openapi/v2-protobuf.ts'
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
  if (v3) return asJson(request, await mergedIndex(aggregator, local as Index))
  const protobuf = takesOpenApiProtobuf(request.headers['accept'])
  const document = await mergedV2(aggregator, local as Json, protobuf ? encodable : () => true)
  return protobuf ? etagged(request, binary(encodeV2(document as never))) : asJson(request, document)
}

/** A document that isn't made as the format wants it: nothing is taken from it. */
function encodable(document: Json): boolean {
  try {
    encodeV2(document as never)
    return true
  } catch {
    return false
  }
}

function asJson(request: ApiRequest, object: object): ApiResponse {
  const json = Buffer.from(JSON.stringify(object))
  return etagged(request, { bytes: json, answer: (headers) => objectResponse(object, { json, headers }) })
}

const binary = (bytes: Uint8Array): Made => ({
  bytes,
  answer: (headers) => ({
    status: 200,
    headers: { ...headers, 'content-type': V2_PROTOBUF_ANSWER },
    body: { kind: 'bytes', bytes },
  }),
})

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
async function mergedV2(aggregator: Aggregator, local: Json, usable: (document: Json) => boolean): Promise<object> {
  const paths = { ...asRecord(local['paths']) }
  const definitions = { ...asRecord(local['definitions']) }
  for (const remote of aggregator.remotes.filter(({ available }) => available)) {
    const document = asRecord(await remote.document('/openapi/v2', 'application/json'))
    const prefix = `/apis/${remote.group}/${remote.version}`
    const own = Object.entries(asRecord(document['paths'])).filter(
      ([path]) => path === `${prefix}/` || path.startsWith(`${prefix}/`),
    )
    const theirs = { paths: Object.fromEntries(own), definitions: asRecord(document['definitions']) }
    if (!usable(theirs)) continue
    for (const [path, item] of own) paths[path] ??= item
    for (const [name, definition] of Object.entries(theirs.definitions)) definitions[name] ??= definition
  }
  return { ...local, paths, definitions }
}

interface Made {
  readonly bytes: Uint8Array
  readonly answer: (headers: Record<string, string>) => ApiResponse
}

function etagged(request: ApiRequest, { bytes, answer }: Made): ApiResponse {
  const etag = `"${createHash('sha512').update(bytes).digest('hex').toUpperCase()}"`
  const headers = { etag, vary: 'Accept', 'cache-control': 'no-cache, private' }
  if (request.headers['if-none-match'] === etag) return { status: 304, headers, body: { kind: 'none' } }
  return answer(headers)
}
