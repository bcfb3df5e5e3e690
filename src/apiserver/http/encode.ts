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

/** Dates and times, which YAML 1.1 has as a type of their own, and the shortest words for yes and no. */
const LOOKS_LIKE_MORE = /^(\d{4}-\d{1,2}-\d{1,2}([Tt\s].*)?|[yYnN=])$/

export const standardEncoders: Encoders = {
  [PROTOBUF_MEDIA_TYPE]: (value) => encodeBuiltin(value),
  [YAML_TYPE](value) {
    // Few clients ask for YAML: what makes it is loaded when the first one does.
    const { Document, visit } = loadYaml()
    // k8s: keys in order, and nothing unquoted that an older reader would take for a time, a number or a yes.
    const document = new Document(JSON.parse(JSON.stringify(value)), {
      version: '1.1',
      sortMapEntries: true,
      aliasDuplicateObjects: false,
    })
    visit(document, {
      Scalar(key, node) {
        if (key === 'key' || typeof node.value !== 'string') return
        if (LOOKS_LIKE_MORE.test(node.value)) node.type = 'QUOTE_DOUBLE'
      },
    })
    return Buffer.from(document.toString({ lineWidth: 0, indentSeq: false }))
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

type JsonItems = readonly { readonly json: Uint8Array }[]

function listOpening(head: object): Buffer {
  const opening = JSON.stringify(head).slice(0, -1)
  return Buffer.from(`${opening}${opening === '{' ? '' : ','}"items":[`)
}

function* listChunks(opening: Uint8Array, items: JsonItems): Generator<Uint8Array> {
  yield opening
  for (const [i, item] of items.entries()) {
    if (i > 0) yield COMMA
    yield item.json
  }
  yield END
}

const listJson = (head: object, items: JsonItems) => Buffer.concat([...listChunks(listOpening(head), items)])

/** Large enough that a write is worth its cost, small enough to come from memory that is at hand. */
const PIECE_BYTES = 64 * 1024

/** A list's JSON in pieces, made as they are asked for, so that a long list is never in memory a second time; and its whole size. */
export function listPieces(head: object, items: JsonItems): { sizeBytes: number; pieces: Iterable<Uint8Array> } {
  const opening = listOpening(head)
  let sizeBytes = opening.length + Math.max(0, items.length - 1) + END.length
  for (const { json } of items) sizeBytes += json.byteLength
  return { sizeBytes, pieces: gathered(listChunks(opening, items)) }
}

function* gathered(chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  let piece: Uint8Array[] = []
  let sizeBytes = 0
  for (const chunk of chunks) {
    piece.push(chunk)
    sizeBytes += chunk.byteLength
    if (sizeBytes < PIECE_BYTES) continue
    yield Buffer.concat(piece, sizeBytes)
    piece = []
    sizeBytes = 0
  }
  if (sizeBytes > 0) yield Buffer.concat(piece, sizeBytes)
}

/** k8s: smaller answers aren't worth it. */
const COMPRESS_FROM_BYTES = 128 * 1024
const compress = promisify(gzip)

export async function compressed(
  bytes: Uint8Array,
  acceptEncoding: string | undefined,
): Promise<Uint8Array | undefined> {
  if (bytes.byteLength < COMPRESS_FROM_BYTES || !takesGzip(acceptEncoding)) return undefined
  return compress(bytes, { level: 1 })
}

export const takesGzip = (acceptEncoding = '') => /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(acceptEncoding)
