// A request's body as an object of the expected type, or the BadRequest that the real server would answer: syntax, apiVersion and
// kind, types of fields, and what `fieldValidation` asks for about unknown and duplicate fields (Ignore, Warn, Strict).
import { badRequest, invalid, invalidObject, type StatusError, unsupportedMediaType } from '../meta/errors.ts'
import { DecodeError, decodeObject, duplicateFieldMessage, unknownFieldMessage } from './decode.ts'
import { JsonSyntaxError, type ParsedJson, parseJson } from './json-text.ts'
import { decodeProtobuf, openEnvelope, PROTOBUF_MEDIA_TYPE } from './protobuf.ts'
import { ProtobufError } from './protobuf-wire.ts'
import type { StructSchema } from './schema.ts'
import { isVersionOf, knowsType } from './tables.ts'
import { parseYaml, YamlSyntaxError } from './yaml-text.ts'

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict'
/** In the order of messages. k8s: Warn when the client says nothing. */
export const FIELD_VALIDATIONS: readonly FieldValidation[] = ['Ignore', 'Strict', 'Warn']

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

/** A body's value with the excerpt of it that errors repeat. */
export interface ParsedBody extends ParsedJson {
  readonly excerpt?: () => string
}

export const BODY_MEDIA_TYPES = ['application/json', 'application/yaml', PROTOBUF_MEDIA_TYPE]

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
): ParsedBody {
  const type = mediaType(contentType)
  if (!body || body.length === 0) throw unrecognized(target, 'unexpected end of JSON input', '<empty>', type)
  if (type === PROTOBUF_MEDIA_TYPE) return parseProtobuf(target, body)
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  try {
    if (type === 'application/json') return { ...parseJson(text), excerpt: () => summary(body) }
    if (type === 'application/yaml') return { ...parseYaml(text), excerpt: () => summary(body) }
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
export function decodeValue(target: BodyTarget, parsed: ParsedBody, validation: FieldValidation): DecodedBody {
  // k8s: null is an object that nobody filled in.
  const value = parsed.value ?? {}
  if (typeof value !== 'object' || Array.isArray(value)) {
    const what = Array.isArray(value) ? 'array' : typeof value
    throw withoutKind(
      target,
      parsed,
      `json: cannot unmarshal ${what} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    )
  }
  checkTypeMeta(target, value as Record<string, unknown>, parsed)
  const { object: read, unknown } = decoded(target, value)
  const complete = read['apiVersion'] && read['kind']
  const object = complete ? read : { apiVersion: apiVersionOf(target), kind: target.kind, ...read }
  if (validation === 'Ignore' || (unknown.length === 0 && parsed.duplicates.length === 0))
    return { object, warnings: [] }
  const complaints = unknown.map(unknownFieldMessage)
  const strict = strictComplaints(parsed, complaints)
  if (validation === 'Strict') throw cannotBeHandled(target, `strict decoding error: ${strict.join(', ')}`)
  return { object, warnings: parsed.duplicateLines ? [...parsed.duplicateLines, ...complaints] : strict }
}

/** k8s: what is written twice in YAML comes first, by line and all in one. */
function strictComplaints({ duplicates, duplicateLines }: ParsedJson, unknown: readonly string[]): string[] {
  if (!duplicateLines) return [...unknown, ...duplicates.map(duplicateFieldMessage)]
  return duplicateLines.length > 0 ? [yamlErrors(duplicateLines), ...unknown] : [...unknown]
}

export const yamlErrors = (lines: readonly string[]) =>
  `yaml: unmarshal errors:${lines.map((line) => `\n  ${line}`).join('')}`

function decoded(target: BodyTarget, value: object) {
  try {
    return decodeObject(target.schema, value)
  } catch (err) {
    if (!(err instanceof DecodeError)) throw err
    throw target.anyVersion ? badRequest(err.message) : cannotBeHandled(target, err.message)
  }
}

function withoutKind(target: BodyTarget, { excerpt }: ParsedBody, why: string): StatusError {
  const text = `couldn't get version/kind; json parse error: ${why}`
  if (target.anyVersion) return badRequest(text)
  return badRequest(
    `the object provided is unrecognized (must be of type ${target.kind}): ${text}${excerpt ? ` (${excerpt()})` : ''}`,
  )
}

function checkTypeMeta(target: BodyTarget, value: Record<string, unknown>, parsed: ParsedBody): void {
  const { apiVersion, kind } = value
  const expected = apiVersionOf(target)
  for (const [field, given] of [
    ['apiVersion', apiVersion],
    ['kind', kind],
  ] as const) {
    if (given !== undefined && given !== null && typeof given !== 'string') {
      const what = Array.isArray(given) ? 'array' : typeof given === 'boolean' ? 'bool' : typeof given
      throw withoutKind(target, parsed, `json: cannot unmarshal ${what} into Go struct field .${field} of type string`)
    }
  }
  if (target.custom && !kind) throw missingKind(target, value, parsed)
  const isKind = !kind || kind === target.kind
  if (isKind && (!apiVersion || apiVersion === expected || target.formerVersions?.includes(apiVersion as string)))
    return
  const version = typeof apiVersion === 'string' && apiVersion ? apiVersion : expected
  if (version.split('/').length > 2) {
    const shown = parsed.excerpt ? ` (${parsed.excerpt()})` : ''
    throw badRequest(
      `the object provided is unrecognized (must be of type ${target.kind}): unexpected GroupVersion string: ${version}${shown}`,
    )
  }
  if (isKind && target.anyVersion) return
  if (target.custom) checkCustomKind(target, value)
  const wanted = typeof kind === 'string' && kind ? kind : target.kind
  if (isKind && (target.custom || isVersionOf(target, version))) {
    throw badRequest(`the API version in the data (${version}) does not match the expected API version (${expected})`)
  }
  const short = version.slice(version.indexOf('/') + 1)
  if (!knowsType(version, wanted)) {
    const why = `no kind ${JSON.stringify(wanted)} is registered for version ${JSON.stringify(version)} in scheme ${JSON.stringify(schemeOf(target))}`
    if (target.anyVersion) throw badRequest(why)
    throw badRequest(`${wanted} in version ${JSON.stringify(short)} cannot be handled as a ${target.kind}: ${why}`)
  }
  throw badRequest(
    `${wanted} in version ${JSON.stringify(short)} cannot be handled as a ${target.kind}: ` +
      `converting (${short}.${wanted}) to (${target.group.split('.')[0] || 'core'}.${target.kind}): unknown conversion`,
  )
}

/** k8s: the list of types that a kind is looked up in names itself by the place where it is declared. */
function schemeOf({ group, anyVersion }: BodyTarget): string {
  if (anyVersion) return 'k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27'
  return group === 'apiextensions.k8s.io'
    ? 'k8s.io/apiextensions-apiserver/pkg/apiserver/apiserver.go:55'
    : 'pkg/api/legacyscheme/scheme.go:30'
}

/** k8s: a custom resource has no other type to be but what it says. */
function checkCustomKind(target: BodyTarget, { kind, metadata }: Record<string, unknown>): void {
  if (kind === target.kind) return
  const { name } = (metadata ?? {}) as { name?: string }
  throw invalidObject({ group: target.group, kind: String(kind) }, name ?? '', [
    invalid('kind', kind, `must be ${target.kind}`),
  ])
}

/** As much of a body is shown in an error. */
const SHOWN_CHARACTERS = 1000

function missingKind({ kind }: BodyTarget, value: object, { excerpt }: ParsedBody): StatusError {
  const text = JSON.stringify(value).slice(0, SHOWN_CHARACTERS)
  const shown = excerpt ? ` (${excerpt()})` : ''
  return badRequest(
    `the object provided is unrecognized (must be of type ${kind}): Object 'Kind' is missing in '${text}'${shown}`,
  )
}

const apiVersionOf = ({ group, version }: BodyTarget) => (group ? `${group}/${version}` : version)

/** k8s: `Deployment in version "v1" cannot be handled as a Deployment: …` */
export function cannotBeHandled({ kind, version }: BodyTarget, why: string): StatusError {
  return badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${why}`)
}

function unrecognized({ kind, anyVersion }: BodyTarget, why: string, shown: string, type: string): StatusError {
  const parse = type === 'application/yaml' ? why : `couldn't get version/kind; json parse error: ${why}`
  if (anyVersion) return badRequest(parse)
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
