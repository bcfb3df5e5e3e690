// CSIDriver: what the cluster should know of a storage driver.
import type { FieldError } from '../meta/errors.ts'
import type * as types from '../types/storage.v1.ts'
import { checkImmutable, checkOneOf, checkUnique } from './check.ts'
import { age, bool, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type CSIDriver = types.CSIDriver

const flag = (title: string, read: (d: { readonly spec?: Flags }) => boolean | undefined) => ({
  ...text<CSIDriver>(title, (d) => bool(read(d)), `Whether the driver has ${title}.`),
  type: 'boolean' as const,
})
type Flags = Pick<types.CSIDriverSpec, 'attachRequired' | 'podInfoOnMount' | 'storageCapacity' | 'requiresRepublish'>

export const CSIDriver = defineKind<CSIDriver>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  plural: 'csidrivers',
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  description: 'Tells the cluster how to deal with a storage driver.',
  columns: [
    flag('AttachRequired', (d) => d.spec?.attachRequired),
    flag('PodInfoOnMount', (d) => d.spec?.podInfoOnMount),
    flag('StorageCapacity', (d) => d.spec?.storageCapacity),
    text(
      'TokenRequests',
      ({ spec }) => (spec?.tokenRequests ?? []).map((t) => t.audience).join(',') || '<unset>',
      'Audiences of the tokens it gets.',
    ),
    flag('RequiresRepublish', (d) => d.spec?.requiresRepublish),
    text(
      'Modes',
      ({ spec }) => (spec?.volumeLifecycleModes ?? []).join(',') || '<none>',
      'Kinds of volumes it offers.',
    ),
    age(),
  ],
  default(d) {
    d.spec ??= {}
    const { spec } = d
    spec.attachRequired ??= true
    spec.podInfoOnMount ??= false
    spec.storageCapacity ??= false
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType'
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent']
    spec.requiresRepublish ??= false
    spec.seLinuxMount ??= false
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    checkOneOf(errors, 'spec.fsGroupPolicy', spec.fsGroupPolicy, ['ReadWriteOnceWithFSType', 'File', 'None'])
    spec.volumeLifecycleModes?.forEach((mode) => {
      checkOneOf(errors, 'spec.volumeLifecycleModes', mode, ['Ephemeral', 'Persistent'])
    })
    checkUnique(
      errors,
      spec.tokenRequests,
      (t) => t.audience,
      (i) => `spec.tokenRequests[${i}].audience`,
    )
    return errors
  },
  validateUpdate(d, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec.attachRequired', d.spec.attachRequired, old.spec.attachRequired)
    checkImmutable(errors, 'spec.volumeLifecycleModes', d.spec.volumeLifecycleModes, old.spec.volumeLifecycleModes)
    return errors
  },
})
