// StorageClass: how volumes of a class are made.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField, notSupported, required } from '../meta/errors.ts'
import type * as types from '../types/storage.v1.ts'
import { checkImmutable } from './check.ts'
import { age, bool, name, text } from './columns.ts'
import { defineKind } from './kind.ts'
import { checkParameters, checkProvisioner, checkTopologies } from './storage-rules.ts'

export type StorageClass = types.StorageClass

export const StorageClass = defineKind<StorageClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  scope: 'Cluster',
  shortNames: ['sc'],
  description: 'Says how volumes are provisioned for claims of this class.',
  columns: [
    name((c) =>
      c.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true' ? ' (default)' : '',
    ),
    text('Provisioner', (c) => c.provisioner ?? '', 'What makes the volumes.'),
    text('ReclaimPolicy', (c) => c.reclaimPolicy ?? 'Delete', 'What happens to a volume once its claim is gone.'),
    text('VolumeBindingMode', (c) => c.volumeBindingMode ?? 'Immediate', 'When a claim is bound.'),
    {
      ...text<StorageClass>(
        'AllowVolumeExpansion',
        (c) => bool(c.allowVolumeExpansion ?? false),
        'Whether volumes can grow.',
      ),
      type: 'string',
    },
    age(),
  ],
  default(c) {
    c.reclaimPolicy ||= 'Delete'
    c.volumeBindingMode ||= 'Immediate'
  },
  validate(c) {
    const errors: FieldError[] = []
    checkProvisioner(errors, 'provisioner', c.provisioner)
    checkParameters(errors, c.parameters, true)
    const { reclaimPolicy: policy, volumeBindingMode: mode } = c
    if (policy && !POLICIES.includes(policy)) errors.push(notSupported('reclaimPolicy', policy, POLICIES))
    if (mode === undefined) errors.push(required('volumeBindingMode'))
    else if (!MODES.includes(mode)) errors.push(notSupported('volumeBindingMode', mode, MODES))
    checkTopologies(errors, 'allowedTopologies', c.allowedTopologies)
    return errors
  },
  validateChange(c, old) {
    const errors: FieldError[] = []
    for (const key of ['parameters', 'provisioner', 'reclaimPolicy'] as const) {
      if (!semanticEqual(c[key], old[key])) errors.push(forbiddenField(key, `updates to ${key} are forbidden.`))
    }
    checkImmutable(errors, 'volumeBindingMode', c.volumeBindingMode, old.volumeBindingMode)
    return errors
  },
})

const POLICIES = ['Delete', 'Retain']
const MODES = ['Immediate', 'WaitForFirstConsumer']
