// VolumeAttributesClass: attributes of volumes that can change while they are in use.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/storage.v1.ts'
import { age, name, text } from './columns.ts'
import { defineKind } from './kind.ts'
import { checkParameters, checkProvisioner } from './storage-rules.ts'

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
  validate: classErrors,
  validateChange(c, old) {
    const errors: FieldError[] = []
    for (const key of ['driverName', 'parameters'] as const) {
      if (!semanticEqual(c[key], old[key])) errors.push(forbiddenField(key, `updates to ${key} are forbidden.`))
    }
    return [...errors, ...classErrors(c)]
  },
})

function classErrors(c: DeepReadonly<types.VolumeAttributesClass>): FieldError[] {
  const errors: FieldError[] = []
  checkProvisioner(errors, 'driverName', c.driverName)
  checkParameters(errors, c.parameters, false)
  return errors
}
