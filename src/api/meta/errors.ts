// The catalogue of API errors: each is a `Status` with the standard's reason, code and message form. Thrown anywhere under a
// request; one place turns them into a response body. Field errors (`invalid`, `required`, …) are values; a list of them becomes
// one Invalid error. k8s: reasons, codes and sentences are what clients match on.
import type { Status, StatusCause, StatusDetails } from '../types/meta.v1.ts'

export class StatusError extends Error {
  readonly code: number
  readonly reason: string
  readonly details: StatusDetails | undefined

  constructor(code: number, reason: string, message: string, details?: StatusDetails, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StatusError'
    this.code = code
    this.reason = reason
    this.details = details
  }

  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason ? { reason: this.reason } : {}),
      ...(this.details ? { details: this.details } : {}),
      code: this.code,
    } as Status
  }

  /** The error that a server answered with; used by HTTP clients. */
  static from(status: Partial<Status>): StatusError {
    return new StatusError(
      status.code ?? 500,
      status.reason ?? 'Unknown',
      status.message ?? 'unknown error',
      status.details,
    )
  }
}

/** What an error is about: the resource (plural) with its group, as in `deployments.apps "web" not found`. */
export interface ResourceRef {
  group: string
  resource: string
}
const qualified = ({ group, resource }: ResourceRef) => (group ? `${resource}.${group}` : resource)
const detailsOf = ({ group, resource }: ResourceRef, name: string): StatusDetails => ({
  ...(name ? { name } : {}),
  ...(group ? { group } : {}),
  kind: resource,
})

export const notFound = (ref: ResourceRef, name: string) =>
  new StatusError(404, 'NotFound', `${qualified(ref)} ${JSON.stringify(name)} not found`, detailsOf(ref, name))
export const pathNotFound = () =>
  new StatusError(404, 'NotFound', 'the server could not find the requested resource', {})
export const alreadyExists = (ref: ResourceRef, name: string) =>
  new StatusError(
    409,
    'AlreadyExists',
    `${qualified(ref)} ${JSON.stringify(name)} already exists`,
    detailsOf(ref, name),
  )
export const conflict = (ref: ResourceRef, name: string, why: string) =>
  new StatusError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(ref)} ${JSON.stringify(name)}: ${why}`,
    detailsOf(ref, name),
  )
/** The usual conflict: the caller's resourceVersion is not the current one. */
export const staleVersion = (ref: ResourceRef, name: string) =>
  conflict(ref, name, 'the object has been modified; please apply your changes to the latest version and try again')
export const badRequest = (message: string) => new StatusError(400, 'BadRequest', message)
export const unauthorized = () => new StatusError(401, 'Unauthorized', 'Unauthorized')
export const forbidden = (ref: ResourceRef, name: string, why: string) =>
  new StatusError(
    403,
    'Forbidden',
    `${qualified(ref)}${name ? ` ${JSON.stringify(name)}` : ''} is forbidden: ${why}`,
    detailsOf(ref, name),
  )
export const methodNotSupported = (ref: ResourceRef, verb: string) =>
  new StatusError(
    405,
    'MethodNotAllowed',
    `${verb} is not supported on resources of kind ${JSON.stringify(qualified(ref))}`,
    detailsOf(ref, ''),
  )
/** Of a path that has other methods. */
export const methodNotAllowed = () =>
  new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {})
export const gone = (message: string) => new StatusError(410, 'Expired', message)
export const notAcceptable = (types: string[]) =>
  new StatusError(406, 'NotAcceptable', `only the following media types are accepted: ${types.join(', ')}`)
export const unsupportedMediaType = (types: string[]) =>
  new StatusError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${types.join(', ')}`,
  )
/** k8s: of built-in resources the web server says so, and knows no list. */
export const unsupportedPatch = () => new StatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {})
export const tooLarge = (message: string) => new StatusError(413, 'RequestEntityTooLarge', message)
export const urlTooLong = () => new StatusError(414, 'Unknown', 'the URL of the request is too long')
export const tooManyRequests = (message: string, retryAfterSeconds: number) =>
  new StatusError(429, 'TooManyRequests', message, { retryAfterSeconds })
export const serviceUnavailable = (message: string) => new StatusError(503, 'ServiceUnavailable', message)
export const timeout = (message: string) => new StatusError(504, 'Timeout', message)
export const internal = (message: string, options?: ErrorOptions) =>
  new StatusError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] }, options)

/** One thing wrong with one field. `message` is complete: `Invalid value: -1: must be greater than or equal to 0`. */
export interface FieldError {
  type:
    | 'FieldValueInvalid'
    | 'FieldValueRequired'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueDuplicate'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
    | 'FieldValueNotFound'
  /** A path like `spec.template.spec.containers[0].image`. */
  field: string
  message: string
}

/** Found in one go. Past it nobody reads on, and answers would be many times as long as requests. */
const MOST_FOUND = 10_000
const MOST_FOUND_CHARACTERS = 4 * 1024 * 1024
/** Are told of those that were found until then. */
const TOLD = 20
let found: { errors: FieldError[]; characters: number } | undefined

/** @throws StatusError (422) when too much was found already since the last turn of the event loop: objects are checked within one */
function noted(error: FieldError): FieldError {
  if (!found) {
    found = { errors: [], characters: 0 }
    queueMicrotask(() => {
      found = undefined
    })
  }
  found.characters += error.field.length + error.message.length
  if (found.errors.push(error) > MOST_FOUND || found.characters > MOST_FOUND_CHARACTERS)
    throw tooMuchFound(found.errors)
  return error
}

function tooMuchFound(errors: readonly FieldError[]): StatusError {
  const causes = errors.slice(0, TOLD).map(({ type, field, message }) => ({
    reason: type,
    message: message.slice(0, 1000),
    field: field.slice(0, 1000),
  }))
  const text = causes.map(({ field, message }) => `${field}: ${message}`).join(', ')
  return new StatusError(422, 'Invalid', `too many errors, the first ones: [${text}]`, { causes })
}

const shown = (value: unknown) => (value === undefined ? 'null' : JSON.stringify(value))
export const invalid = (field: string, value: unknown, why: string): FieldError =>
  noted({
    type: 'FieldValueInvalid',
    field,
    message: `Invalid value: ${shown(value)}: ${why}`,
  })
export const required = (field: string, why = ''): FieldError =>
  noted({
    type: 'FieldValueRequired',
    field,
    message: why ? `Required value: ${why}` : 'Required value',
  })
export const notSupported = (field: string, value: unknown, supported: readonly string[]): FieldError =>
  noted({
    type: 'FieldValueNotSupported',
    field,
    message:
      supported.length > 0
        ? `Unsupported value: ${shown(value)}: supported values: ${supported.map((v) => JSON.stringify(v)).join(', ')}`
        : `Unsupported value: ${shown(value)}`,
  })
export const forbiddenField = (field: string, why: string): FieldError =>
  noted({
    type: 'FieldValueForbidden',
    field,
    message: `Forbidden: ${why}`,
  })
export const duplicate = (field: string, value: unknown, why = ''): FieldError =>
  noted({
    type: 'FieldValueDuplicate',
    field,
    message: `Duplicate value: ${shown(value)}${why && `: ${why}`}`,
  })
export const notFoundValue = (field: string, value: unknown, why = ''): FieldError =>
  noted({
    type: 'FieldValueNotFound',
    field,
    message: `Not found: ${shown(value)}${why && `: ${why}`}`,
  })
export const tooLong = (field: string, maxBytes: number): FieldError =>
  noted({
    type: 'FieldValueTooLong',
    field,
    message: `Too long: may not be more than ${maxBytes} bytes`,
  })
export const tooMany = (field: string, count: number, max: number): FieldError =>
  noted({
    type: 'FieldValueTooMany',
    field,
    message: `Too many: ${count}: must have at most ${max} items`,
  })

/** 422 for an object whose fields are wrong. k8s: `Deployment.apps "web" is invalid: spec.replicas: Invalid value: …`. */
export function invalidObject(gk: { group: string; kind: string }, name: string, errors: FieldError[]): StatusError {
  const causes: StatusCause[] = errors.map((e) => ({ reason: e.type, message: e.message, field: e.field }))
  // k8s: what is said twice stands in the sentence once
  const lines = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))]
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`
  const kind = gk.group ? `${gk.kind}.${gk.group}` : gk.kind
  return new StatusError(422, 'Invalid', `${kind} ${JSON.stringify(name)} is invalid: ${text}`, {
    ...(name ? { name } : {}),
    ...(gk.group ? { group: gk.group } : {}),
    kind: gk.kind,
    causes,
  })
}

export const isStatus = (err: unknown, reason: string): err is StatusError =>
  err instanceof StatusError && err.reason === reason
export const isNotFound = (err: unknown) => isStatus(err, 'NotFound')
export const isConflict = (err: unknown) => isStatus(err, 'Conflict')
export const isAlreadyExists = (err: unknown) => isStatus(err, 'AlreadyExists')
export const isGone = (err: unknown) => isStatus(err, 'Expired') || isStatus(err, 'Gone')
