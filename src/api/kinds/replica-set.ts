// ReplicaSet: keeps a number of pods of one template.
import type { FieldError } from '../meta/errors.ts'
import type * as types from '../types/apps.v1.ts'
import { checkImmutable, checkNonNegative } from './check.ts'
import { age, containers, integer, selector, wide } from './columns.ts'
import { defineKind } from './kind.ts'
import { validateReplicaStatus } from './replica-status.ts'
import { defaultTemplate, validateSelectorAndTemplate, workloadWarnings } from './workload.ts'

export type ReplicaSet = types.ReplicaSet

export const ReplicaSet = defineKind<ReplicaSet>({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  scope: 'Namespaced',
  shortNames: ['rs'],
  categories: ['all'],
  subresources: ['status', 'scale'],
  description: 'Keeps a stable number of pods made from one template running. Usually made by a Deployment.',
  columns: [
    integer('Desired', (o) => o.spec.replicas, 'Number of pods that are wanted.'),
    integer('Current', (o) => o.status?.replicas, 'Number of pods that exist.'),
    integer('Ready', (o) => o.status?.readyReplicas, 'Number of pods that are ready.'),
    age(),

    ...containers<ReplicaSet>((rs) => rs.spec.template?.spec).map(wide),
    wide(selector((rs) => rs.spec.selector)),
  ],
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
  selectableFields: { 'status.replicas': (rs) => String(rs.status?.replicas ?? 0) },
  default(rs) {
    rs.spec ??= {} as ReplicaSet['spec']
    rs.spec.replicas ??= 1
    defaultTemplate(rs.spec)
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    checkNonNegative(errors, 'spec.replicas', spec.replicas)
    checkNonNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds)
    // k8s: the sentence speaks of a deployment here too
    errors.push(...validateSelectorAndTemplate(spec, 'deployment'))
    return errors
  },
  validateUpdate(rs, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec.selector', rs.spec.selector, old.spec.selector)
    return errors
  },
  warnings: (owner, old) => workloadWarnings(owner, old, true),
  validateStatusUpdate: ({ status }) => validateReplicaStatus(status),
})
