// RFC 7386: objects are merged key by key, null removes a key, everything else (lists too) is replaced whole.
// Parts that the patch does not touch are shared with the document; neither input is changed.
import { setKey } from '../../api/schema/clone.ts'
import { malformedPatch, unmarshalError } from './patch-errors.ts'

type JsonObject = Record<string, unknown>

/** @throws StatusError (400) when the patch is not an object. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (patch === null) throw malformedPatch('Invalid JSON Patch')
  if (!isObject(patch)) {
    throw malformedPatch(`error decoding patch: ${unmarshalError(patch, 'value of type map[string]interface {}')}`)
  }
  return merge(document, patch)
}

function merge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const out: JsonObject = {}
  if (isObject(target)) for (const key of Object.keys(target)) setKey(out, key, target[key])
  for (const key of Object.keys(patch)) {
    const value = patch[key]
    if (value === null) delete out[key]
    else setKey(out, key, merge(Object.hasOwn(out, key) ? out[key] : undefined, value))
  }
  return out
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
