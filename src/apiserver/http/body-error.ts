// What is wrong with a request's body before anybody has read it: too long, of a kind that nobody reads, cut off.
import { badRequest, tooLarge, unauthorized, unsupportedMediaType, unsupportedPatch } from '../../api/meta/errors.ts'
import { BODY_MEDIA_TYPES } from '../../api/schema/body.ts'

/** The error of the HTTP library as one of the API; anything else as it is. */
export function bodyError(err: unknown, method: string, maxBytes: number): unknown {
  const { code, statusCode, message } = err as { code?: string; statusCode?: number; message: string }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return tooLarge(`Request entity too large: limit is ${maxBytes}`)
  if (statusCode === 401) return unauthorized()
  if (statusCode === 415) return method === 'PATCH' ? unsupportedPatch() : unsupportedMediaType(BODY_MEDIA_TYPES)
  if (statusCode !== undefined && statusCode < 500) return badRequest(message)
  return err
}
