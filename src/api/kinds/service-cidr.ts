// ServiceCIDR: a range of addresses for Services.
import { type FieldError, invalid, required } from '../meta/errors.ts'
import type * as types from '../types/networking.v1.ts'
import { checkCidr, checkImmutable } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type ServiceCIDR = types.ServiceCIDR

export const ServiceCIDR = defineKind<ServiceCIDR>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  scope: 'Cluster',
  subresources: ['status'],
  description: 'A range from which Services get their addresses.',
  columns: [text('CIDRs', ({ spec }) => (spec?.cidrs ?? []).join(','), 'One range per address family.'), age()],
  hasGeneration: false,
  validate({ spec }) {
    const errors: FieldError[] = []
    const cidrs = spec?.cidrs ?? []
    if (cidrs.length === 0) errors.push(required('spec.cidrs', 'at least one CIDR required'))
    if (cidrs.length > 2) errors.push(invalid('spec.cidrs', cidrs, 'may only hold up to 2 values'))
    cidrs.forEach((cidr, i) => {
      checkCidr(errors, `spec.cidrs[${i}]`, cidr)
    })
    return errors
  },
  validateUpdate(c, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec.cidrs', c.spec?.cidrs, old.spec?.cidrs)
    return errors
  },
})
