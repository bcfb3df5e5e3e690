// Lease: a claim that has to be renewed: leadership, or a node's sign of life.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField, invalid, notSupported } from '../meta/errors.ts'
import { qualifiedName } from '../meta/names.ts'
import type * as types from '../types/coordination.v1.ts'
import { checkNonNegative } from './check.ts'
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
    const { leaseDurationSeconds: seconds, strategy } = spec ?? {}
    if (seconds !== undefined && seconds <= 0) {
      errors.push(invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0'))
    }
    checkNonNegative(errors, 'spec.leaseTransitions', spec?.leaseTransitions)
    if (strategy !== undefined) checkStrategy(errors, strategy)
    if (spec?.preferredHolder && !strategy) {
      errors.push(forbiddenField('spec.preferredHolder', 'may only be specified if `strategy` is defined'))
    }
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

const STRATEGIES = ['OldestEmulationVersion']

/** One that is known, or somebody's own: `example.com/mine`. k8s: the path ends in the same word twice. */
function checkStrategy(errors: FieldError[], strategy: string): void {
  const field = 'spec.strategy.strategy'
  if (strategy.includes('/')) {
    for (const problem of qualifiedName(strategy)) errors.push(invalid(field, strategy, problem))
  } else if (!STRATEGIES.includes(strategy)) errors.push(notSupported(field, strategy, STRATEGIES))
}
