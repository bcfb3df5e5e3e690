// VolumeAttachment: a volume made available to a node.
import { type FieldError, forbiddenField } from '../meta/errors.ts'
import type * as types from '../types/storage.v1.ts'
import { checkImmutable, checkPresent } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type VolumeAttachment = types.VolumeAttachment

export const VolumeAttachment = defineKind<VolumeAttachment>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  subresources: ['status'],
  description: 'The wish to attach a volume to a node, or to detach it.',
  columns: [
    text('Attacher', (a) => a.spec?.attacher ?? '', 'The storage driver.'),
    text('PV', (a) => a.spec?.source?.persistentVolumeName ?? '', 'The volume.'),
    text('Node', (a) => a.spec?.nodeName ?? '', 'The node.'),
    {
      ...text<VolumeAttachment>('Attached', (a) => String(a.status?.attached ?? false), 'Whether it is there.'),
      type: 'boolean',
    },
    age(),
  ],
  hasGeneration: false,
  selectableFields: {
    'spec.attacher': (a) => a.spec?.attacher ?? '',
    'spec.nodeName': (a) => a.spec?.nodeName ?? '',
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    checkPresent(errors, 'spec.attacher', spec?.attacher)
    checkPresent(errors, 'spec.nodeName', spec?.nodeName)
    const { persistentVolumeName, inlineVolumeSpec } = spec?.source ?? {}
    if (inlineVolumeSpec && persistentVolumeName) {
      errors.push(forbiddenField('spec.source', 'persistentVolumeName can not be used together with inlineVolumeSpec'))
    } else if (!inlineVolumeSpec) checkPresent(errors, 'spec.source.persistentVolumeName', persistentVolumeName)
    return errors
  },
  validateUpdate(a, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec', a.spec, old.spec)
    return errors
  },
})
