// Namespace: a scope for names. It is emptied before it goes: `spec.finalizers` is removed through the finalize subresource.

import { type FieldError, invalid } from '../meta/errors.ts'
import { dnsLabel, qualifiedName } from '../meta/names.ts'
import { standardFinalizerErrors } from '../meta/object-meta.ts'
import type * as types from '../types/core.v1.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type Namespace = types.Namespace

function finalizerErrors(finalizers: readonly string[] | undefined, fieldOf: (index: number) => string): FieldError[] {
  return (finalizers ?? []).flatMap((finalizer, i) => [
    ...qualifiedName(finalizer).map((problem) => invalid(fieldOf(i), finalizer, problem)),
    ...standardFinalizerErrors(finalizer, fieldOf(i)),
  ])
}

export const Namespace = defineKind<Namespace>({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  scope: 'Cluster',
  shortNames: ['ns'],
  subresources: ['status', 'finalize'],
  // k8s: nobody deletes all namespaces at once
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  description: 'A scope for the names of objects, for access rules and for quotas.',
  columns: [text('Status', (ns) => ns.status?.phase ?? '', 'Whether it is in use or being emptied.'), age()],
  validateName: dnsLabel,
  selectableFields: { 'status.phase': (ns) => ns.status?.phase ?? '' },
  default(ns) {
    // k8s: the name is also a label, so that selectors can use it
    if (ns.metadata.name)
      ns.metadata.labels = { ...ns.metadata.labels, 'kubernetes.io/metadata.name': ns.metadata.name }
    ns.spec ??= {}
    ns.status ??= {}
    ns.status.phase ||= 'Active'
  },
  prepareForCreate(ns) {
    ns.status = { phase: 'Active' }
    ns.spec ??= {}
    const finalizers = ns.spec.finalizers ?? []
    if (!finalizers.includes('kubernetes')) ns.spec.finalizers = [...finalizers, 'kubernetes']
  },
  hasGeneration: false,
  // k8s: only the finalize subresource changes the spec
  prepareForUpdate(ns, old) {
    ns.spec = structuredClone(old.spec ?? {}) as NonNullable<Namespace['spec']>
  },
  validate: (ns) => finalizerErrors(ns.spec?.finalizers, () => 'spec.finalizers'),
  validateSubresource: {
    finalize: (ns) => finalizerErrors(ns.spec?.finalizers, (i) => `spec.finalizers[${i}]`),
  },
  validateStatusUpdate(ns) {
    const errors: FieldError[] = []
    const phase = ns.status?.phase
    if (!ns.metadata.deletionTimestamp && phase !== 'Active') {
      errors.push(invalid('status.Phase', phase, "may only be 'Active' if `deletionTimestamp` is empty"))
    } else if (ns.metadata.deletionTimestamp && phase !== 'Terminating') {
      errors.push(invalid('status.Phase', phase, "may only be 'Terminating' if `deletionTimestamp` is not empty"))
    }
    return errors
  },
})
