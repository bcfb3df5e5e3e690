// VolumeAttachment: a volume made available to a node.
import { type FieldError, forbiddenField, invalid, required, tooLong } from '../meta/errors.ts'
import { dnsSubdomain } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/storage.v1.ts'
import { checkImmutable } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'
import { checkDriverName } from './pod-validation/volume-sources.ts'

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
    { ...text<VolumeAttachment>('Attacher', (a) => a.spec?.attacher ?? '', 'The storage driver.'), format: 'name' },
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
  validate: (a) => [...attachmentErrors(a), ...newErrors(a)],
  validateChange: changeErrors,
  validateStatusUpdate: changeErrors,
})

type Attachment = DeepReadonly<types.VolumeAttachment>

const MAX_METADATA_BYTES = 256 * 1024
const MAX_MESSAGE_BYTES = 1024
const ONE_SOURCE = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'

function attachmentErrors({ spec, status }: Attachment): FieldError[] {
  const errors: FieldError[] = []
  if (!spec?.attacher) errors.push(required('spec.attacher'))
  const { persistentVolumeName: name, inlineVolumeSpec: inline } = spec?.source ?? {}
  if (inline === undefined && name === undefined) errors.push(required('spec.source', ONE_SOURCE))
  else if (inline !== undefined && name !== undefined) errors.push(forbiddenField('spec.source', ONE_SOURCE))
  else if (name === '') {
    errors.push(required('spec.source.persistentVolumeName', 'must specify non empty persistentVolumeName'))
  }
  for (const problem of dnsSubdomain(spec?.nodeName ?? '')) {
    errors.push(invalid('spec.nodeName', spec?.nodeName ?? '', problem))
  }
  let sizeBytes = 0
  for (const [key, value] of Object.entries(status?.attachmentMetadata ?? {})) {
    sizeBytes += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (sizeBytes > MAX_METADATA_BYTES) errors.push(tooLong('status.attachmentMetadata', MAX_METADATA_BYTES))
  for (const key of ['attachError', 'detachError'] as const) {
    const { message = '', errorCode } = status?.[key] ?? {}
    // k8s: the sentence names the other limit
    if (Buffer.byteLength(message) > MAX_MESSAGE_BYTES) {
      errors.push(tooLong(`status.${key}.message`, MAX_METADATA_BYTES))
    }
    if (errorCode !== undefined && errorCode < 0) {
      errors.push(invalid(`status.${key}.errorCode`, errorCode, 'must be between 0 and 2147483647, inclusive'))
    }
  }
  return errors
}

/** What older attachments need not follow. */
function newErrors({ spec }: Attachment): FieldError[] {
  const errors: FieldError[] = []
  checkDriverName(errors, 'spec.attacher', spec?.attacher)
  const name = spec?.source?.persistentVolumeName
  if (name === undefined) return errors
  for (const problem of dnsSubdomain(name)) {
    errors.push(invalid('spec.source.persistentVolumeName', name, problem))
  }
  return errors
}

function changeErrors(a: Attachment, old: Attachment): FieldError[] {
  const errors = attachmentErrors(a)
  checkImmutable(errors, 'spec', a.spec, old.spec)
  return errors
}
