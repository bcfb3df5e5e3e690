// What the classes of storage share: who provides, with which parameters, and where.
import { duplicate, type FieldError, invalid, required, tooLong } from '../meta/errors.ts'
import { qualifiedName } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type { TopologySelectorTerm } from '../types/core.v1.ts'

const MAX_PARAMETERS = 512
const MAX_PARAMETER_BYTES = 256 * 1024

/** k8s: upper case is allowed, and shown as lower case. */
export function checkProvisioner(errors: FieldError[], field: string, value: string | undefined): void {
  if (!value) {
    errors.push(required(field))
    return
  }
  const lower = value.toLowerCase()
  for (const problem of qualifiedName(lower)) errors.push(invalid(field, lower, problem))
}

export function checkParameters(
  errors: FieldError[],
  parameters: Readonly<Record<string, string>> | undefined,
  mayBeEmpty: boolean,
): void {
  const entries = Object.entries(parameters ?? {})
  if (entries.length > MAX_PARAMETERS) {
    errors.push(tooLong('parameters', MAX_PARAMETERS))
    return
  }
  let sizeBytes = 0
  for (const [key, value] of entries) {
    if (key === '') errors.push(invalid('parameters', key, 'field can not be empty.'))
    sizeBytes += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (sizeBytes > MAX_PARAMETER_BYTES) errors.push(tooLong('parameters', MAX_PARAMETER_BYTES))
  if (!mayBeEmpty && entries.length === 0) {
    errors.push(required('parameters', 'must contain at least one key/value pair'))
  }
}

/** Where volumes may be made. */
export function checkTopologies(
  errors: FieldError[],
  field: string,
  terms: readonly DeepReadonly<TopologySelectorTerm>[] | undefined,
): void {
  const seen = new Set<string>()
  terms?.forEach(({ matchLabelExpressions = [] }, i) => {
    const at = `${field}[${i}].matchLabelExpressions`
    if (matchLabelExpressions.length === 0) errors.push(required(at))
    const valuesByKey = new Map<string, string[]>()
    matchLabelExpressions.forEach(({ key = '', values = [] }, e) => {
      if (values.length === 0) errors.push(required(`${at}[${e}].values`))
      values.forEach((value, v) => {
        if (values.indexOf(value) < v) errors.push(duplicate(`${at}[${e}].values[${v}]`, value))
      })
      for (const problem of qualifiedName(key)) errors.push(invalid(`${at}[${e}].key`, key, problem))
      if (valuesByKey.has(key)) errors.push(duplicate(`${at}[${e}].key`, key))
      valuesByKey.set(key, [...new Set(values)].sort())
    })
    const term = JSON.stringify([...valuesByKey].sort(([a], [b]) => (a < b ? -1 : 1)))
    if (seen.has(term)) errors.push(duplicate(at, ''))
    seen.add(term)
  })
}
