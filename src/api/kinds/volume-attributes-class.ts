// VolumeAttributesClass: attributes of volumes that can change while they are in use.
import { type FieldError, required } from '../meta/errors.ts'
import type * as types from '../types/storage.v1.ts'
import { checkImmutable } from './check.ts'
import { age, name, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type VolumeAttributesClass = types.VolumeAttributesClass

export const VolumeAttributesClass = defineKind<VolumeAttributesClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  plural: 'volumeattributesclasses',
  scope: 'Cluster',
  shortNames: ['vac'],
  description: 'Attributes that a storage driver gives to volumes of this class.',
  columns: [
    name((c) =>
      c.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true' ? ' (default)' : '',
    ),
    text('DriverName', (c) => c.driverName ?? '', 'The storage driver.'),
    age(),
  ],
  validate(c) {
    const errors: FieldError[] = []
    if (!c.driverName) errors.push(required('driverName'))
    if (Object.keys(c.parameters ?? {}).length === 0) {
      errors.push(required('parameters', 'must contain at least one key/value pair'))
    }
    return errors
  },
  validateUpdate(c, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'driverName', c.driverName, old.driverName)
    checkImmutable(errors, 'parameters', c.parameters, old.parameters)
    return errors
  },
})
