// A request's body as an object of the expected type, or the BadRequest that the real server would answer: syntax, apiVersion and
// kind, types of fields, and what `fieldValidation` asks for about unknown and duplicate fields (Ignore, Warn, Strict).
import { badRequest, invalid, invalidObject, type StatusError, unsupportedMediaType } from '../meta/errors.ts'
import { DecodeError, decodeObject, duplicateFieldMessage, unknownFieldMessage } from './decode.ts'
import { JsonSyntaxError, type ParsedJson, parseJson } from './json-text.ts'
import { decodeProtobuf, openEnvelope, PROTOBUF_MEDIA_TYPE } from './protobuf.ts'
import { ProtobufError } from './protobuf-wire.ts'
import type { StructSchema } from './schema.ts'
import { parseYaml, YamlSyntaxError } from './yaml-text.ts'

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict'

/** What a body is expected to be; a `Kind` is one. */
export interface BodyTarget {
  group: string
  version: string
  kind: string
  schema: StructSchema
  /** Options (DeleteOptions …) may come in any group-version. */
  anyVersion?: boolean
  /** Custom resources: a body has to say its kind, and another one is an invalid value. */
  custom?: unknown
  /** Further apiVersions with the same fields: those that older clients still send. */
  formerVersions?: readonly string[]
}

export interface DecodedBody {
  /** Fresh: shares nothing with what the client gave. apiVersion and kind are set. */
  object: Record<string, unknown>
  /** Sentences for Warning headers (`fieldValidation=Warn`). */
  warnings: string[]
}

export const BODY_MEDIA_TYPES = ['application/json', 'application/yaml', PROTOBUF_MEDIA_TYPE]

/** The `fieldValidation` query parameter. k8s: Warn when it is not given. @throws StatusError for another word. */
export function fieldValidationOf(query: URLSearchParams): FieldValidation {
  const value = query.get('fieldValidation') || 'Warn'
  if (value === 'Ignore' || value === 'Warn' || value === 'Strict') return value
  throw badRequest(
    `fieldValidation: Unsupported value: ${JSON.stringify(value)}: supported values: "", "Ignore", "Strict", "Warn"`,
  )
}

/** Bytes (JSON, YAML or protobuf by `contentType`) or a plain object from the in-process client. @throws StatusError (400 or 415) */
export function decodeBody(
  target: BodyTarget,
  body: Uint8Array | object | undefined,
  contentType: string | undefined,
  validation: FieldValidation,
): DecodedBody {
  const parsed = body instanceof Uint8Array || body === undefined ? parseBody(target, body, contentType) : plain(body)
  return decodeValue(target, parsed, validation)
}

/** The value of a body in JSON, YAML or protobuf, not yet checked against anything but its syntax. @throws StatusError */
export function parseBody(
  target: BodyTarget,
  body: Uint8Array | undefined,
  contentType: string | undefined,
): ParsedJson {
  const type = mediaType(contentType)
  if (!body || body.length === 0) throw unrecognized(target, 'unexpected end of JSON input', '<empty>', type)
  if (type === PROTOBUF_MEDIA_TYPE) return parseProtobuf(target, body)
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  try {
    if (type === 'application/json') return parseJson(text)
    if (type === 'application/yaml') return parseYaml(text)
  } catch (err) {
    if (err instanceof JsonSyntaxError || err instanceof YamlSyntaxError) {
      throw unrecognized(target, err.message, summary(body), type)
    }
    throw err
  }
  throw unsupportedMediaType(BODY_MEDIA_TYPES)
}

/** What says to be another kind is not taken apart by this one's numbers: `decodeValue` refuses it by its name. */
function parseProtobuf(target: BodyTarget, body: Uint8Array): ParsedJson {
  try {
    const envelope = openEnvelope(body)
    const { apiVersion, kind } = envelope
    const value = kind && kind !== target.kind ? { apiVersion, kind } : decodeProtobuf(target.schema, envelope)
    return { value, duplicates: [] }
  } catch (err) {
    if (!(err instanceof ProtobufError)) throw err
    throw badRequest(
      `the object provided is unrecognized (must be of type ${target.kind}): ${err.message} (${summary(body)})`,
    )
  }
}

/** Checks apiVersion and kind, then every field. @throws StatusError */
export function decodeValue(target: BodyTarget, parsed: ParsedJson, validation: FieldValidation): DecodedBody {
  const { value, duplicates } = parsed
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const what = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
    throw badRequest(
      `the object provided is unrecognized (must be of type ${target.kind}): couldn't get version/kind; json parse error: ` +
        `json: cannot unmarshal ${what} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    )
  }
  checkTypeMeta(target, value as Record<string, unknown>)
  const { object: read, unknown } = decoded(target, value)
  const complete = read['apiVersion'] && read['kind']
  const object = complete ? read : { apiVersion: apiVersionOf(target), kind: target.kind, ...read }
  if (validation === 'Ignore' || (unknown.length === 0 && duplicates.length === 0)) return { object, warnings: [] }
  const complaints = [...unknown.map(unknownFieldMessage), ...duplicates.map(duplicateFieldMessage)]
  if (validation === 'Strict') throw cannotBeHandled(target, `strict decoding error: ${complaints.join(', ')}`)
  return { object, warnings: complaints }
}

function decoded(target: BodyTarget, value: object) {
  try {
    return decodeObject(target.schema, value)
  } catch (err) {
    if (err instanceof DecodeError) throw cannotBeHandled(target, err.message)
    throw err
  }
}

function checkTypeMeta(target: BodyTarget, value: Record<string, unknown>): void {
  const { apiVersion, kind } = value
  const expected = apiVersionOf(target)
  for (const [field, given] of [
    ['apiVersion', apiVersion],
    ['kind', kind],
  ] as const) {
    if (given !== undefined && given !== null && typeof given !== 'string') {
      throw badRequest(
        `the object provided is unrecognized (must be of type ${target.kind}): couldn't get version/kind; json parse error: ` +
          `json: cannot unmarshal ${Array.isArray(given) ? 'array' : typeof given} into Go struct field .${field} of type string`,
      )
    }
  }
  const accepted = apiVersion === expected || target.anyVersion || target.formerVersions?.includes(apiVersion as string)
  if (apiVersion && !accepted) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`,
    )
  }
  if (target.custom) checkCustomKind(target, value)
  if (kind && kind !== target.kind) {
    const version = typeof apiVersion === 'string' && apiVersion ? apiVersion : expected
    const [short] = version.split('/').slice(-1)
    throw badRequest(
      `${kind} in version ${JSON.stringify(short)} cannot be handled as a ${target.kind}: ` +
        `converting (${short}.${kind}) to (${target.group.split('.')[0] || 'core'}.${target.kind}): unknown conversion`,
    )
  }
}

/** k8s: a custom resource has no other type to be but what it says. */
function checkCustomKind(target: BodyTarget, value: Record<string, unknown>): void {
  const { kind, metadata } = value
  if (!kind) {
    const text = JSON.stringify(value)
    const shown = text.length > 30 ? `${text.slice(0, 30)} ...` : text
    throw badRequest(
      `the object provided is unrecognized (must be of type ${target.kind}): Object 'Kind' is missing in '${text.slice(0, 1000)}' (${shown})`,
    )
  }
  if (kind === target.kind) return
  const { name } = (metadata ?? {}) as { name?: string }
  throw invalidObject({ group: target.group, kind: String(kind) }, name ?? '', [
    invalid('kind', kind, `must be ${target.kind}`),
  ])
}

const apiVersionOf = ({ group, version }: BodyTarget) => (group ? `${group}/${version}` : version)

/** k8s: `Deployment in version "v1" cannot be handled as a Deployment: …` */
export function cannotBeHandled({ kind, version }: BodyTarget, why: string): StatusError {
  return badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${why}`)
}

function unrecognized({ kind }: BodyTarget, why: string, shown: string, type: string): StatusError {
  const parse = type === 'application/yaml' ? why : `couldn't get version/kind; json parse error: ${why}`
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${parse} (${shown})`)
}

function summary(body: Uint8Array): string {
  const head = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, 30))
  const shown = head[0] === 123 ? head.toString('utf8') : head.toString('hex')
  return body.byteLength > 30 ? `${shown} ...` : shown
}

/** Without parameters; JSON when the client says nothing. k8s: `text/yaml` and friends are not accepted, `application/yaml` is. */
export function mediaType(contentType: string | undefined): string {
  const type = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase()
  return type === '' || type === '*/*' ? 'application/json' : type
}

const plain = (value: object): ParsedJson => ({ value, duplicates: [] })
