// The three patches that work on plain values, behind one door. The result is a plain value: the registry decodes it again
// (decodeObject), which checks and prunes it, before defaulting, admission and validation. Apply patches go to apply.ts.
import { badRequest, unsupportedMediaType, unsupportedPatch } from '../../api/meta/errors.ts'
import type { FieldValidation } from '../../api/schema/body.ts'
import { DecodeError, decodeObject, duplicateFieldMessage, unknownFieldMessage } from '../../api/schema/decode.ts'
import { JsonSyntaxError, type ParsedJson, parseJson } from '../../api/schema/json-text.ts'
import type { StructSchema } from '../../api/schema/schema.ts'
import { parseYaml, YamlSyntaxError } from '../../api/schema/yaml-text.ts'
import { applyJsonPatch } from './json-patch.ts'
import { applyMergePatch } from './merge-patch.ts'
import { goText, invalidPatched } from './patch-errors.ts'
import { applyStrategicPatch } from './strategic.ts'

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply'

const TYPES: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
}

/** By Content-Type; custom resources know no strategic merge. @throws StatusError (415) */
export function patchTypeOf(contentType: string | undefined, custom = false): PatchType {
  const accepted = Object.keys(TYPES).filter((type) => !custom || TYPES[type] !== 'strategic')
  const type = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (accepted.includes(type)) return TYPES[type]!
  throw custom ? unsupportedMediaType(accepted) : unsupportedPatch()
}

/** The patch itself from a request's body; an object from the in-process client is taken as it is. @throws StatusError (400) */
export function parsePatch(type: PatchType, body: Uint8Array | object | undefined): ParsedJson {
  if (body !== undefined && !(body instanceof Uint8Array)) return { value: body, duplicates: [] }
  const text = body ? Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8') : ''
  try {
    return type === 'apply' ? parseYaml(text) : parseJson(text)
  } catch (err) {
    if (err instanceof YamlSyntaxError) {
      throw badRequest(`error decoding YAML: error converting YAML to JSON: ${err.message}`)
    }
    if (err instanceof JsonSyntaxError) {
      throw badRequest(type === 'strategic' ? err.message : `error decoding patch: ${err.message}`)
    }
    throw err
  }
}

export interface Patched {
  object: Record<string, unknown>
  warnings: string[]
}

/** The patched object, decoded; `current` is not changed. @throws StatusError */
export function applyPatch(
  type: Exclude<PatchType, 'apply'>,
  schema: StructSchema,
  current: object,
  patch: ParsedJson,
  validation: FieldValidation,
): Patched {
  const patched =
    type === 'json'
      ? applyJsonPatch(current, patch.value)
      : type === 'merge'
        ? applyMergePatch(current, patch.value)
        : applyStrategicPatch(schema, current, patch.value)
  const shown = () => (type === 'strategic' ? goText(patch.value) : (JSON.stringify(patched) ?? 'null'))
  const { object, unknown } = decoded(schema, patched, shown, type)
  if (validation === 'Ignore') return { object, warnings: [] }
  const prefix = type === 'json' ? 'json patch ' : ''
  const duplicates = patch.duplicates.map((path) => prefix + duplicateFieldMessage(path))
  const complaints = [...duplicates, ...unknown.map(unknownFieldMessage)]
  if (complaints.length > 0 && validation === 'Strict') {
    throw invalidPatched(shown(), `strict decoding error: ${complaints.join(', ')}`)
  }
  return { object, warnings: complaints }
}

function decoded(schema: StructSchema, patched: unknown, shown: () => string, type: PatchType) {
  try {
    return decodeObject(schema, patched)
  } catch (err) {
    if (!(err instanceof DecodeError)) throw err
    throw invalidPatched(shown(), type === 'strategic' ? unrestored(err.message) : err.message)
  }
}

/** k8s: a strategic patch's result never was text, and is refused in other words. */
function unrestored(message: string): string {
  const [, given, wanted] = /^json: cannot unmarshal (\w+)[^ ]* into Go .* of type (.+)$/.exec(message) ?? []
  if (!given || !wanted) return message
  const from = { number: 'int64', object: 'map', array: 'slice' }[given] ?? given
  if (wanted.startsWith('map[')) return `cannot restore map from ${from}`
  if (wanted.startsWith('[]') && wanted !== '[]uint8') return `cannot restore slice from ${from}`
  if (wanted.includes('.')) return `cannot restore struct from: ${from}`
  return `cannot convert ${from} to ${wanted}`
}
