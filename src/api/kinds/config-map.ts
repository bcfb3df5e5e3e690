// ConfigMap: configuration as keys and values.
import { type FieldError, invalid } from '../meta/errors.ts'
import type * as types from '../types/core.v1.ts'
import { age, integer } from './columns.ts'
import { validateData, validateDataUpdate } from './data-keys.ts'
import { defineKind } from './kind.ts'

export type ConfigMap = types.ConfigMap

export const ConfigMap = defineKind<ConfigMap>({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  scope: 'Namespaced',
  shortNames: ['cm'],
  description: 'Configuration that pods read as files or environment variables.',
  columns: [
    integer(
      'Data',
      (c) => Object.keys(c.data ?? {}).length + Object.keys(c.binaryData ?? {}).length,
      'Number of entries.',
    ),
    age(),
  ],
  validate(c) {
    const errors: FieldError[] = validateData({ data: c.data, binaryData: c.binaryData })
    for (const key of Object.keys(c.data ?? {})) {
      if (Object.hasOwn(c.binaryData ?? {}, key)) {
        errors.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'))
      }
    }
    return errors
  },
  validateUpdate: (c, old) =>
    validateDataUpdate(c, old, { data: [c.data, old.data], binaryData: [c.binaryData, old.binaryData] }),
})
