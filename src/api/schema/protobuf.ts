// `application/vnd.kubernetes.protobuf`: objects in protobuf by the field numbers of the schema tables, in the envelope `k8s\0` +
// runtime.Unknown. Client libraries prefer it for built-in kinds. Decoding gives the plain JSON value of the object, which then goes
// the way of every body (decodeObject). The values themselves are protobuf-codec.ts's business.
import { codecOf, type JsonObject } from './protobuf-codec.ts'
import { parseRaw } from './protobuf-leaves.ts'
import { ProtobufError, ProtobufReader, ProtobufWriter } from './protobuf-wire.ts'
import type { StructSchema } from './schema.ts'
import { structFor, structNamed } from './tables.ts'

export const PROTOBUF_MEDIA_TYPE = 'application/vnd.kubernetes.protobuf'

const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00])

/** The object in its envelope. apiVersion and kind travel in the envelope. */
export function encodeProtobuf(schema: StructSchema, object: object): Uint8Array {
  const { apiVersion = '', kind = '' } = object as { apiVersion?: string; kind?: string }
  const out = new ProtobufWriter()
  out.message(1, () => {
    out.string(1, apiVersion)
    out.string(2, kind)
  })
  out.message(2, () => codecOf(schema).write(out, object as JsonObject))
  out.string(3, '')
  out.string(4, '')
  return Buffer.concat([MAGIC, out.finish()])
}

/** Any built-in object, list or Status by its apiVersion and kind. @throws Error when the tables have no such type. */
export function encodeBuiltin(object: object): Uint8Array {
  const { apiVersion = '', kind = '' } = object as { apiVersion?: string; kind?: string }
  const slash = apiVersion.indexOf('/')
  const [group, version] = slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)]
  return encodeProtobuf(
    (group === '' && META_KINDS.has(kind)) || group === 'meta.k8s.io'
      ? structNamed(`meta.v1.${kind}`)
      : structFor(group, version, kind),
    object,
  )
}

/** k8s: these say `v1` although they belong to no group; meta.k8s.io has the same types in all of its versions. */
const META_KINDS: ReadonlySet<string> = new Set([
  'Status',
  'List',
  'APIResourceList',
  'APIGroupList',
  'APIGroup',
  'APIVersions',
])

export interface Envelope {
  apiVersion: string
  kind: string
  raw: Uint8Array
  /** `application/json` when `raw` is JSON; empty for protobuf. */
  contentType: string
}

/** Opens an envelope, so that the caller can find the schema. @throws ProtobufError */
export function openEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length < MAGIC.length || MAGIC.compare(bytes, 0, MAGIC.length) !== 0) {
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]')
  }
  const envelope: Envelope = { apiVersion: '', kind: '', raw: new Uint8Array(), contentType: '' }
  const reader = new ProtobufReader(bytes, MAGIC.length)
  while (reader.next()) {
    if (reader.number === 1 && reader.wireType === 2) {
      const meta = reader.message()
      while (meta.next()) {
        if (meta.number === 1 && meta.wireType === 2) envelope.apiVersion = meta.string()
        else if (meta.number === 2 && meta.wireType === 2) envelope.kind = meta.string()
        else meta.skip()
      }
    } else if (reader.number === 2 && reader.wireType === 2) envelope.raw = reader.bytes()
    else if (reader.number === 4 && reader.wireType === 2) envelope.contentType = reader.string()
    else reader.skip()
  }
  return envelope
}

/** The JSON value of an opened envelope. @throws ProtobufError */
export function decodeProtobuf(schema: StructSchema, { apiVersion, kind, raw, contentType }: Envelope): JsonObject {
  if (contentType === 'application/json') return parseRaw(raw) as JsonObject
  const object: JsonObject = {}
  if (apiVersion) object['apiVersion'] = apiVersion
  if (kind) object['kind'] = kind
  codecOf(schema).read(new ProtobufReader(raw), object, 0)
  return object
}

/** One frame of a watch: four bytes of length, then a bare WatchEvent whose object is in its envelope. */
export function encodeWatchFrame(type: string, object: Uint8Array): Uint8Array {
  const out = new ProtobufWriter()
  out.string(1, type)
  out.message(2, () => out.bytes(1, object))
  const event = out.finish()
  const frame = Buffer.allocUnsafe(4 + event.length)
  frame.writeUInt32BE(event.length, 0)
  frame.set(event, 4)
  return frame
}
