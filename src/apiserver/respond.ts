// The few shapes of answers, and the one place where an error becomes a Status body. Errors of the store get their API meaning
// here; anything that isn't a StatusError is an InternalError, logged with its stack.
import { gone, internal, StatusError, tooLarge } from '../api/meta/errors.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import type { ApiResponse } from '../api/wire.ts'
import type { Logger } from '../base/log.ts'
import { Compacted, EntryTooLarge, FutureRevision, StoreFailed } from './storage/store.ts'

export function objectResponse(
  object: DeepReadonly<object>,
  options: { status?: number; json?: Uint8Array | undefined; headers?: Record<string, string> } = {},
): ApiResponse {
  return {
    status: options.status ?? 200,
    headers: options.headers
      ? { 'content-type': 'application/json', ...options.headers }
      : { 'content-type': 'application/json' },
    body: options.json ? { kind: 'object', object, json: options.json } : { kind: 'object', object },
  }
}

export function textResponse(text: string, status = 200, contentType = 'text/plain; charset=utf-8'): ApiResponse {
  return {
    status,
    headers: { 'content-type': contentType, 'x-content-type-options': 'nosniff' },
    body: { kind: 'bytes', bytes: Buffer.from(text) },
  }
}

export function errorResponse(err: unknown, log: Logger): ApiResponse {
  const error = toStatusError(err)
  if (error.code >= 500 && !(err instanceof StatusError)) log.error({ err }, 'request failed')
  const retryAfter = error.details?.retryAfterSeconds
  return objectResponse(error.toStatus(), {
    status: error.code,
    headers: retryAfter ? { 'retry-after': String(retryAfter) } : {},
  })
}

/** What an error of any layer means to a client. */
export function toStatusError(err: unknown): StatusError {
  if (err instanceof StatusError) return err
  if (err instanceof Compacted) return gone(err.message)
  if (err instanceof FutureRevision) return tooLargeRevision(err.message)
  if (err instanceof EntryTooLarge) return tooLarge(err.message)
  if (err instanceof StoreFailed) return internal(err.message, { cause: err })
  if (err instanceof RangeError && err.message.includes('string length')) return tooLarge('the response is too large')
  return internal(err instanceof Error ? err.message : String(err), { cause: err })
}

/** k8s: clients look for the cause's reason and ask again a second later. */
export function tooLargeRevision(message: string): StatusError {
  return new StatusError(504, 'Timeout', `Timeout: ${message}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })
}
