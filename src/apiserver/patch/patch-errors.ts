// What a patch can be refused for, as the API says it.
import { badRequest, StatusError, tooLarge } from '../../api/meta/errors.ts'

/** The patch itself is no patch. */
export const malformedPatch = (message: string) => badRequest(message)

export const patchTooLarge = (message: string) => tooLarge(`Request entity too large: ${message}`)

/** The patch is one, but cannot be applied to this object. k8s: one sentence for all of these, which keeps the reason to itself. */
export const unprocessablePatch = (why: string | Error) =>
  new StatusError(
    422,
    'Invalid',
    'the server rejected our request due to an error in our request',
    {},
    { cause: typeof why === 'string' ? new Error(why) : why },
  )

/** What Go's decoder says of a value of another type than it wants. */
export const unmarshalError = (value: unknown, into: string) =>
  `json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value} into Go ${into}`

/** Longest excerpt of a patch or a patched object that an error repeats. */
const MAX_SHOWN = 1024
const excerpt = (text: string) => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text)

/** As Go prints a value: `map[spec:map[replicas:2]]`. One line, bounded. */
export function goText(value: unknown): string {
  const print = (v: unknown): string => {
    if (Array.isArray(v)) return `[${v.map(print).join(' ')}]`
    if (typeof v !== 'object') return String(v)
    if (v === null) return '<nil>'
    const fields = Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1))
    return `map[${fields.map(([key, field]) => `${key}:${print(field)}`).join(' ')}]`
  }
  return excerpt(print(value))
}

/**
 * The patched object cannot be read as its kind. k8s: ` "" is invalid: patch: Invalid value: …`
 * @param shown k8s: the patch as Go prints it for a strategic one, the patched object's JSON for the others.
 */
export function invalidPatched(shown: string, why: string): StatusError {
  const message = `Invalid value: ${JSON.stringify(excerpt(shown))}: ${why}`
  return new StatusError(422, 'Invalid', ` "" is invalid: patch: ${message}`, {
    causes: [{ reason: 'FieldValueInvalid', message, field: 'patch' }],
  })
}
