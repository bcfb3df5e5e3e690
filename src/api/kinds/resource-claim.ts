// ResourceClaim: asks for devices.
import type { FieldError } from '../meta/errors.ts'
import type * as types from '../types/resource.v1.ts'
import { checkImmutable } from './check.ts'
import { age, text } from './columns.ts'
import { defaultClaimSpec, validateClaimSpec } from './device-rules.ts'
import { claimStatusErrors } from './device-status.ts'
import { defineKind } from './kind.ts'

export type ResourceClaim = types.ResourceClaim

export const ResourceClaim = defineKind<ResourceClaim>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  plural: 'resourceclaims',
  scope: 'Namespaced',
  subresources: ['status'],
  description: 'Asks for devices that pods can use.',
  columns: [
    text(
      'State',
      ({ metadata, status }) => {
        const states: string[] = []
        if (metadata.deletionTimestamp) states.push('deleted')
        if (status?.allocation) states.push('allocated')
        if (status?.reservedFor?.length) states.push('reserved')
        return states.length > 0 ? states.join(',') : 'pending'
      },
      'How far it has come.',
    ),
    age(),
  ],
  hasGeneration: false,
  default(c) {
    c.spec ??= {}
    defaultClaimSpec(c.spec)
  },
  validate: (c) => validateClaimSpec(c.spec, 'spec'),
  validateChange(c, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec', c.spec, old.spec)
    return errors
  },
  validateStatusUpdate: claimStatusErrors,
})
