// What went wrong with a call to a webhook or to an aggregated server, in the words that users of Kubernetes find in their search
// engines: Go's for connections and certificates, the standard client's for answers that are no success.
import { StatusError } from '../../api/meta/errors.ts'
import type { Status } from '../../api/types/meta.v1.ts'

/** A call that brought no answer, or none that can be used. The message has no part of the caller's. */
export class CallFailed extends Error {
  /** What the caller's caller may be told. */
  readonly status: StatusError
  /** The deadline passed. */
  readonly timedOut: boolean

  constructor(message: string, options: { status?: StatusError; timedOut?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'CallFailed'
    this.status = options.status ?? new StatusError(503, 'ServiceUnavailable', 'error calling webhook')
    this.timedOut = options.timedOut ?? false
  }
}

const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
])
const badCertificate = (why: string) => `tls: failed to verify certificate: x509: ${why}`

interface NetworkError extends Error {
  readonly code?: string
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
  readonly cert?: { subjectaltname?: string }
  readonly host?: string
}

/** k8s: as Go tells it. @param at `host:port` that was dialled */
export function connectionText(err: unknown, at: string): string {
  const { code = '', message, hostname, cert, host } = err as NetworkError
  if (UNKNOWN_AUTHORITY.has(code)) return badCertificate('certificate signed by unknown authority')
  switch (code) {
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return badCertificate('certificate has expired or is not yet valid')
    case 'ERR_TLS_CERT_ALTNAME_INVALID': {
      const names = (cert?.subjectaltname ?? '').split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''))
      const valid = names.filter(Boolean).join(', ')
      return badCertificate(`certificate is valid for ${valid || 'no names'}, not ${host ?? at}`)
    }
    case 'ECONNREFUSED':
      return `dial tcp ${at}: connect: connection refused`
    case 'EHOSTUNREACH':
      return `dial tcp ${at}: connect: no route to host`
    case 'ENETUNREACH':
      return `dial tcp ${at}: connect: network is unreachable`
    case 'ETIMEDOUT':
      return `dial tcp ${at}: i/o timeout`
    case 'ENOTFOUND':
      return `dial tcp: lookup ${hostname ?? at}: no such host`
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${hostname ?? at}: server misbehaving`
    case 'ECONNRESET':
      return message === 'socket hang up' ? 'EOF' : `read tcp ${at}: connection reset by peer`
    case 'EPROTO':
      return `tls: ${message}`
    default:
      return message || String(err)
  }
}

const SENTENCES: Readonly<Record<number, readonly [reason: string, message: string]>> = {
  400: ['BadRequest', 'the server rejected our request for an unknown reason'],
  401: ['Unauthorized', 'the server has asked for the client to provide credentials'],
  403: ['Forbidden', ''],
  404: ['NotFound', 'the server could not find the requested resource'],
  405: ['MethodNotAllowed', 'the server does not allow this method on the requested resource'],
  406: ['NotAcceptable', ''],
  409: ['AlreadyExists', 'the server reported a conflict'],
  413: ['RequestEntityTooLarge', ''],
  415: ['UnsupportedMediaType', ''],
  422: ['Invalid', 'the server rejected our request due to an error in our request'],
  429: ['TooManyRequests', 'the server has received too many requests and has asked us to try again later'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: [
    'Timeout',
    'the server was unable to return a response in the time allotted, but may still be processing the request',
  ],
}

/** k8s: what the standard client makes of an answer outside 2xx. @param text the body */
export function answerError(code: number, text: string, isText: boolean): StatusError {
  const status = statusIn(text)
  if (status) return StatusError.from({ code, ...status })
  const shown = isText ? text.trim() : 'unknown'
  const [reason, sentence] = SENTENCES[code] ?? []
  if (reason) return new StatusError(code, reason, sentence || shown)
  if (code >= 500) {
    const message = `an error on the server (${JSON.stringify(shown)}) has prevented the request from succeeding`
    return new StatusError(code, 'InternalError', message)
  }
  const message = `the server responded with the status code ${code} but did not return more information`
  return new StatusError(code, 'Unknown', message)
}

function statusIn(text: string): Partial<Status> | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    const { kind, status, message, reason, details, code } = JSON.parse(text) as Partial<Status> & { kind?: string }
    if (kind !== 'Status' || status !== 'Failure') return undefined
    return {
      message: message ?? '',
      reason: reason ?? '',
      ...(details ? { details } : {}),
      ...(code ? { code } : {}),
    }
  } catch {
    return undefined
  }
}
