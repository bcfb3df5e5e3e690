// What may change in a Service: addresses and families stay as long as the old and the new type have them; a second one may come and go.
import { parseAddress } from '../meta/addresses.ts'
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import { dnsSubdomain } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type { Service, ServiceSpec } from '../types/core.v1.ts'
import { checkIp, type Errors } from './check.ts'
import { isHeadless } from './service-addresses.ts'
import { checkBalancerClass, needsHealthPort, validateService } from './service-validation.ts'

type AnyService = DeepReadonly<Service>
type Spec = DeepReadonly<ServiceSpec>

/** Everything that may be wrong with an update. */
export function validateServiceUpdate(service: AnyService, old: AnyService): FieldError[] {
  const errors: Errors = []
  const [now, before] = [service.spec, old.spec]
  const named = now.type === 'ExternalName' || before.type === 'ExternalName'
  if (!named) {
    checkAddressChange(errors, now, before)
    checkFamilyChange(errors, now, before)
  }
  const field = 'spec.loadBalancerClass'
  if (
    now.type === 'LoadBalancer' &&
    before.type === 'LoadBalancer' &&
    now.loadBalancerClass !== before.loadBalancerClass
  ) {
    errors.push(invalid(field, now.loadBalancerClass, 'may not change once set'))
  }
  checkBalancerClass(errors, now)
  const [health, oldHealth] = [now.healthCheckNodePort ?? 0, before.healthCheckNodePort ?? 0]
  if (needsHealthPort(now) && needsHealthPort(before) && health !== oldHealth) {
    errors.push(forbiddenField('spec.healthCheckNodePort', 'field is immutable'))
  }
  return [...errors, ...validateService(service, old)]
}

const CHANGED = 'may not change once set'

function checkAddressChange(errors: Errors, spec: Spec, old: Spec): void {
  if (isHeadless(spec) && isHeadless(old)) return
  const [now, before] = [spec.clusterIPs ?? [], old.clusterIPs ?? []]
  const primary = 'spec.clusterIPs[0]'
  const policyIs = spec.ipFamilyPolicy
  if (now.length === before.length) {
    before.forEach((ip, i) => {
      if (ip !== now[i]) errors.push(invalid(`spec.clusterIPs[${i}]`, now, CHANGED))
    })
    return
  }
  if (now.length === 0) errors.push(invalid(primary, now, 'primary clusterIP can not be unset'))
  else if (before.length > 0 && now[0] !== before[0]) errors.push(invalid(primary, now, CHANGED))
  if (before.length > now.length && now.length === 1 && policyIs !== 'SingleStack') {
    const why = "must be set to 'SingleStack' when releasing the secondary clusterIP"
    errors.push(invalid('spec.ipFamilyPolicy', policyIs, why))
  }
}

function checkFamilyChange(errors: Errors, spec: Spec, old: Spec): void {
  // k8s: without addresses of their own, Services may change their families.
  if (isHeadless(spec) || isHeadless(old)) return
  const [now, before] = [spec.ipFamilies ?? [], old.ipFamilies ?? []]
  const field = 'spec.ipFamilies[0]'
  if (now.length === before.length) {
    before.forEach((family, i) => {
      if (family !== now[i]) errors.push(invalid(field, now, CHANGED))
    })
    return
  }
  const ips = spec.clusterIPs ?? []
  if (before.length > now.length && ips.length === 0) {
    errors.push(invalid(field, now, 'primary ipFamily can not be unset'))
  }
  if (before.length > 0 && now.length > 0 && now[0] !== before[0]) errors.push(invalid(field, ips, CHANGED))
  if (before.length > now.length && now.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') {
    const why = "must be set to 'SingleStack' when releasing the secondary ipFamily"
    errors.push(invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, why))
  }
}

/** What a load balancer reports of itself. */
export function validateServiceStatus(service: AnyService, old: AnyService): FieldError[] {
  const errors: Errors = []
  const field = 'status.loadBalancer.ingress'
  const ingress = service.status?.loadBalancer?.ingress ?? []
  if (ingress.length > 0 && service.spec.type !== 'LoadBalancer') {
    return [forbiddenField(field, "may only be used when `spec.type` is 'LoadBalancer'")]
  }
  const kept = (old.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip)
  ingress.forEach(({ ip, ipMode, hostname }, i) => {
    const at = `${field}[${i}]`
    if (ip) checkIp(errors, `${at}.ip`, ip, kept)
    if (ipMode === undefined) {
      if (ip) errors.push(required(`${at}.ipMode`, 'must be specified when `ip` is set'))
    } else if (!ip) errors.push(forbiddenField(`${at}.ipMode`, 'may not be specified when `ip` is not set'))
    else if (ipMode !== 'VIP' && ipMode !== 'Proxy') {
      errors.push(notSupported(`${at}.ipMode`, ipMode, ['Proxy', 'VIP']))
    }
    if (!hostname) return
    for (const problem of dnsSubdomain(hostname)) errors.push(invalid(`${at}.hostname`, hostname, problem))
    if (parseAddress(hostname)) {
      errors.push(invalid(`${at}.hostname`, hostname, 'must be a DNS name, not an IP address'))
    }
  })
  return errors
}
