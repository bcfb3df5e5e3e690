// Answers as bytes. JSON is assembled from the bytes that objects already have; other encodings are made from the values. Large
// answers are compressed for clients that take it.
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { encodeBuiltin, PROTOBUF_MEDIA_TYPE } from '../../api/schema/protobuf.ts'
import type { ApiResponse } from '../../api/wire.ts'
import { loadYaml } from '../../base/yaml.ts'

/** By media type; JSON is built in. */
export type Encoders = Readonly<Record<string, (value: object) => Uint8Array | Promise<Uint8Array>>>

export const JSON_TYPE = 'application/json'
export const YAML_TYPE = 'application/yaml'

export const standardEncoders: Encoders = {
  [PROTOBUF_MEDIA_TYPE]: (value) => encodeBuiltin(value),
  [YAML_TYPE](value) {
    // Few clients ask for YAML: what makes it is loaded when the first one does.
    const { stringify } = loadYaml()
    return Buffer.from(stringify(JSON.parse(JSON.stringify(value)), { aliasDuplicateObjects: false, lineWidth: 0 }))
  },
}

type Whole = Extract<ApiResponse['body'], { kind: 'object' | 'list' | 'bytes' }>

/** @param contentType as the handler negotiated it */
export async function encodeBody(body: Whole, contentType: string, encoders: Encoders): Promise<Uint8Array> {
  if (body.kind === 'bytes') return body.bytes
  const encoder = encoders[contentType.split(';', 1)[0]!]
  if (body.kind === 'object') {
    return encoder ? encoder(body.object) : (body.json ?? Buffer.from(JSON.stringify(body.object)))
  }
  if (encoder) return encoder({ ...body.head, items: body.items.map((item) => item.object) })
  return listJson(body.head, body.items)
}

const COMMA = Buffer.from(',')
const END = Buffer.from(']}')

function listJson(head: object, items: readonly { readonly json: Uint8Array }[]): Uint8Array {
  const opening = JSON.stringify(head).slice(0, -1)
  const chunks: Uint8Array[] = [Buffer.from(`${opening}${opening === '{' ? '' : ','}"items":[`)]
  for (const [i, item] of items.entries()) {
    if (i > 0) chunks.push(COMMA)
    chunks.push(item.json)
  }
  chunks.push(END)
  return Buffer.concat(chunks)
}

/** k8s: smaller answers aren't worth it. */
const COMPRESS_FROM_BYTES = 128 * 1024
const compress = promisify(gzip)

export async function compressed(
  bytes: Uint8Array,
  acceptEncoding: string | undefined,
): Promise<Uint8Array | undefined> {
  if (bytes.byteLength < COMPRESS_FROM_BYTES || !/\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(acceptEncoding ?? '')) {
    return undefined
  }
  return compress(bytes, { level: 1 })
}
