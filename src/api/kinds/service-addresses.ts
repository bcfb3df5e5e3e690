// The rules of a Service's addresses inside the cluster: one or two, of different families, in agreement with the older single field.
import { areDualStack, parseAddress } from '../meta/addresses.ts'
import { duplicate, invalid, notSupported, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type { ServiceSpec } from '../types/core.v1.ts'
import { checkIp, type Errors } from './check.ts'

type Spec = DeepReadonly<ServiceSpec>

const NONE = 'None'
const POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack']

export const isHeadless = ({ clusterIPs }: Spec): boolean => clusterIPs?.length === 1 && clusterIPs[0] === NONE

export function checkClusterIps(errors: Errors, spec: Spec, old: Spec | undefined): void {
  if (spec.type === 'ExternalName') return
  const { clusterIP, clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = spec
  const field = 'spec.clusterIPs'
  if (clusterIP) {
    if (clusterIPs.length === 0) errors.push(required(field))
    else if (clusterIPs[0] !== clusterIP) {
      errors.push(invalid(field, clusterIPs, 'first value must match `clusterIP`'))
    }
  } else if (clusterIPs.length > 0) {
    errors.push(invalid(field, clusterIPs, 'must be empty when `clusterIP` is not specified'))
  }
  ipFamilies.forEach((family, i) => {
    const at = `spec.ipFamilies[${i}]`
    const known = ['IPv4', 'IPv6']
    if (!known.includes(family)) errors.push(notSupported(at, family, known))
    if (ipFamilies.indexOf(family) < i) errors.push(duplicate(at, family))
  })
  if (ipFamilyPolicy !== undefined && !POLICIES.includes(ipFamilyPolicy)) {
    errors.push(notSupported('spec.ipFamilyPolicy', ipFamilyPolicy, POLICIES))
  }
  const wellFormed = checkEach(errors, field, clusterIPs, old?.clusterIPs)
  if (clusterIPs.length > 2) errors.push(invalid(field, clusterIPs, 'may only hold up to 2 values'))
  // k8s: with one that is no address, nothing more can be said.
  if (!wellFormed) return
  if (clusterIPs.length > 1 && !areDualStack(clusterIPs)) {
    errors.push(invalid(field, clusterIPs, 'may specify no more than one IP for each IP family'))
  }
  if (isHeadless(spec)) return
  clusterIPs.forEach((ip, i) => {
    const family = ipFamilies[i]
    const is = parseAddress(ip)?.family
    if ((family === 'IPv4' && is === 6) || (family === 'IPv6' && is !== 6)) {
      errors.push(invalid(`${field}[${i}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``))
    }
  })
}

function checkEach(
  errors: Errors,
  field: string,
  ips: readonly string[],
  kept: readonly string[] | undefined,
): boolean {
  const before = errors.length
  ips.forEach((ip, i) => {
    if (i === 0 && ip === NONE) {
      if (ips.length > 1) errors.push(invalid(field, ips, "'None' must be the first and only value"))
    } else checkIp(errors, `${field}[${i}]`, ip, kept)
  })
  return errors.length === before
}
