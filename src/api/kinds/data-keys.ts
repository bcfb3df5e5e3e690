// Rules that ConfigMaps and Secrets share: keys, total size, and immutability.

import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField, invalid, tooLong } from '../meta/errors.ts'
import { configMapKey } from '../meta/names.ts'

export const MAX_DATA_BYTES = 1024 * 1024

type Data = Readonly<Record<string, string>> | undefined

/** `data` of a ConfigMap is text; `binaryData`, and all of a Secret, is base64. */
export function validateData(
  maps: { readonly data: Data; readonly binaryData?: Data },
  dataIsBase64 = false,
): FieldError[] {
  const errors: FieldError[] = []
  let totalBytes = 0
  for (const [field, map] of Object.entries(maps)) {
    for (const [key, value] of Object.entries(map ?? {})) {
      for (const problem of configMapKey(key)) errors.push(invalid(`${field}[${key}]`, key, problem))
      const base64 = field === 'binaryData' || dataIsBase64
      totalBytes += Buffer.byteLength(value, base64 ? 'base64' : 'utf8')
    }
  }
  if (totalBytes > MAX_DATA_BYTES) errors.push(tooLong(dataIsBase64 ? 'data' : '[]', MAX_DATA_BYTES))
  return errors
}

interface MaybeImmutable {
  readonly immutable?: boolean
}

/** k8s: once `immutable` is set, neither it nor the data changes. */
export function validateDataUpdate(
  now: MaybeImmutable,
  old: MaybeImmutable,
  pairs: Readonly<Record<string, readonly [Data, Data]>>,
): FieldError[] {
  if (!old.immutable) return []
  const errors: FieldError[] = []
  if (!now.immutable) errors.push(forbiddenField('immutable', 'field is immutable when `immutable` is set'))
  for (const [field, [after, before]] of Object.entries(pairs)) {
    if (!semanticEqual(after ?? {}, before ?? {})) {
      errors.push(forbiddenField(field, 'field is immutable when `immutable` is set'))
    }
  }
  return errors
}
