// ServiceCIDR: a range of addresses for Services.
import { parseNetwork } from '../meta/addresses.ts'
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
  validate: ({ spec }) => rangeErrors(spec?.cidrs ?? []),
  validateChange({ spec }, old) {
    const [now, before] = [spec?.cidrs ?? [], old.spec?.cidrs ?? []]
    const errors: FieldError[] = []
    const fixed = (i: number) => checkImmutable(errors, `spec.cidrs[${i}]`, now[i], before[i])
    if (now.length === before.length) before.forEach((_, i) => void fixed(i))
    else if (before.length === 1 && now.length === 2) {
      // k8s: the second family may be added later
      fixed(0)
      errors.push(...rangeErrors(now))
    } else errors.push(invalid('spec.cidrs', now, 'field is immutable'))
    return errors
  },
})

const ONE_EACH = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'

function rangeErrors(cidrs: readonly string[]): FieldError[] {
  if (cidrs.length === 0) return [required('spec.cidrs', 'at least one CIDR required')]
  // k8s: shown by the name of the server's own field
  if (cidrs.length > 2) return [invalid('spec.cidrs', { CIDRs: cidrs }, 'may only hold up to 2 values')]
  const errors: FieldError[] = []
  cidrs.forEach((cidr, i) => {
    const before = errors.length
    checkCidr(errors, `spec.cidrs[${i}]`, cidr)
    const canonical = parseNetwork(cidr)?.canonical
    if (errors.length === before && canonical !== cidr) {
      errors.push(invalid(`spec.cidrs[${i}]`, cidr, `must be in canonical form (${JSON.stringify(canonical)})`))
    }
  })
  const families = cidrs.map((cidr) => parseNetwork(cidr)?.family)
  if (cidrs.length === 2 && families[0] !== undefined && families[0] === families[1]) {
    errors.push(invalid('spec.cidrs', cidrs, ONE_EACH))
  }
  return errors
}
