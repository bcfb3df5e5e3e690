// What a patch can be refused for, as the API says it.
import { badRequest, StatusError, tooLarge } from '../../api/meta/errors.ts'

/** The patch itself is no patch. */
export const malformedPatch = (message: string) => badRequest(message)

export const patchTooLarge = (message: string) => tooLarge(message)

/** The patch is one, but cannot be applied to this object. k8s: one sentence for all of these; the cause says which. */
export const unprocessablePatch = (why: string) =>
  new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {
    causes: [{ reason: 'UnexpectedServerResponse', message: why, field: 'patch' }],
  })

/** Longest excerpt of a patched object that an error repeats. */
const MAX_SHOWN = 1024

/** The patched object cannot be read as its kind. k8s: ` "" is invalid: patch: Invalid value: …` */
export function invalidPatched(patched: unknown, why: string): StatusError {
  const text = JSON.stringify(patched) ?? 'null'
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text
  const message = `Invalid value: ${JSON.stringify(shown)}: ${why}`
  return new StatusError(422, 'Invalid', ` "" is invalid: patch: ${message}`, {
    causes: [{ reason: 'FieldValueInvalid', message, field: 'patch' }],
  })
}
