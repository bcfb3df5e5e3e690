// The query of a write: whether it is only tried, who gets the fields, and how strict the body is read.
import { type FieldError, invalid, invalidObject, notSupported, tooLong } from '../../api/meta/errors.ts'
import { FIELD_VALIDATIONS, type FieldValidation } from '../../api/schema/body.ts'
import { managerName } from '../patch/managed-fields.ts'
import type { Call } from './call.ts'

export interface WriteOptions {
  readonly dryRun: boolean
  /** Never empty; apply needs one given. */
  readonly manager: string
  readonly validation: FieldValidation
}

const MAX_MANAGER_LENGTH = 128

/**
 * @param type the options' kind, for messages: CreateOptions, UpdateOptions …
 * @param refused what the caller found wrong already
 */
export function parseWriteOptions({ query, request }: Call, type: string, refused: FieldError[] = []): WriteOptions {
  const errors = [...refused]
  const dryRun = query.getAll('dryRun')
  const given = query.get('fieldManager') ?? ''
  if (Buffer.byteLength(given) > MAX_MANAGER_LENGTH) errors.push(tooLong('fieldManager', MAX_MANAGER_LENGTH))
  errors.push(...unprintable(given), ...dryRunErrors(dryRun))
  const validation = query.get('fieldValidation') || 'Warn'
  if (!FIELD_VALIDATIONS.includes(validation as FieldValidation)) {
    errors.push(notSupported('fieldValidation', validation, ['', ...FIELD_VALIDATIONS]))
  }
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: type }, '', errors)
  return {
    dryRun: dryRun.length > 0,
    manager: managerName(given, request.headers['user-agent']),
    validation: validation as FieldValidation,
  }
}

export const dryRunErrors = (values: readonly string[]): FieldError[] =>
  values.filter((value) => value !== 'All').map(() => notSupported('dryRun', values, ['All']))

/** k8s: letters, marks, numbers, punctuation, symbols and the plain blank. */
function unprintable(manager: string): FieldError[] {
  if (/^[\x20-\x7e]*$/.test(manager)) return []
  const errors: FieldError[] = []
  let at = 0
  for (const char of manager) {
    if (!/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(char)) {
      const hex = char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
      errors.push(invalid('fieldManager', manager, `invalid character U+${hex} (at position ${at})`))
    }
    at += Buffer.byteLength(char)
  }
  return errors
}
