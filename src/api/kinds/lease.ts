// Lease: a claim that has to be renewed: leadership, or a node's sign of life.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField, invalid } from '../meta/errors.ts'
import type * as types from '../types/coordination.v1.ts'
import { checkNonNegative, checkPositive } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type Lease = types.Lease

export const Lease = defineKind<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  scope: 'Namespaced',
  description: 'A claim that its holder renews: leadership among several processes, or the sign of life of a node.',
  columns: [text('Holder', (lease) => lease.spec?.holderIdentity ?? '', 'Who holds the lease.'), age()],
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  default(lease) {
    lease.spec ??= {}
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    checkPositive(errors, 'spec.leaseDurationSeconds', spec?.leaseDurationSeconds)
    checkNonNegative(errors, 'spec.leaseTransitions', spec?.leaseTransitions)
    if (spec?.preferredHolder && !spec.strategy) {
      errors.push(forbiddenField('spec.preferredHolder', 'may only be specified if `strategy` is defined'))
    }
    if (spec?.holderIdentity === '') errors.push(invalid('spec.holderIdentity', '', 'must not be empty'))
    return errors
  },
  // A change of the holder must survive a power cut; that it renewed its claim need not.
  volatile(lease, old) {
    if (!old) return false
    const still = ({ metadata, spec }: typeof lease) => ({
      metadata: { ...metadata, resourceVersion: undefined, managedFields: undefined, generation: undefined },
      spec: { ...spec, renewTime: undefined },
    })
    return semanticEqual(still(lease), still(old))
  },
  hasGeneration: false,
})
