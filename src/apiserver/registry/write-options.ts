// The query of a write: whether it is only tried, who gets the fields, and how strict the body is read.
import { type FieldError, invalid, invalidObject, notSupported, tooLong } from '../../api/meta/errors.ts'
import { type FieldValidation, fieldValidationOf } from '../../api/schema/body.ts'
import { managerName } from '../patch/managed-fields.ts'
import type { Call } from './call.ts'

export interface WriteOptions {
  readonly dryRun: boolean
  /** Never empty, except that apply needs one given: see `managerGiven`. */
  readonly manager: string
  readonly managerGiven: boolean
  readonly validation: FieldValidation
}

const MAX_MANAGER_LENGTH = 128

/** @param type the options' kind, for messages: CreateOptions, UpdateOptions … */
export function parseWriteOptions({ query, request }: Call, type: string): WriteOptions {
  const errors: FieldError[] = []
  const dryRun = query.getAll('dryRun')
  errors.push(...dryRunErrors(dryRun))
  const given = query.get('fieldManager') ?? ''
  if (given.length > MAX_MANAGER_LENGTH) errors.push(tooLong('fieldManager', MAX_MANAGER_LENGTH))
  if (/[^\P{C}]/u.test(given)) errors.push(invalid('fieldManager', given, 'should only contain printable characters'))
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: type }, '', errors)
  return {
    dryRun: dryRun.length > 0,
    manager: managerName(given, request.headers['user-agent']),
    managerGiven: given !== '',
    validation: fieldValidationOf(query),
  }
}

export const dryRunErrors = (values: readonly string[]): FieldError[] =>
  values.filter((value) => value !== 'All').map(() => notSupported('dryRun', values, ['All']))
