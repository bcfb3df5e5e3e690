// Which cluster addresses and node ports a Service gets. The decision is pure: it changes the given object and says what it took.
import type { Service } from '../../api/kinds/service.ts'
import { type FieldError, internal, invalid } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { AddressRange } from './address-range.ts'

export interface Used {
  /** Of other Services: the same one may keep what it has. */
  hasAddress(address: string): boolean
  hasPort(port: number): boolean
}
export interface PortRange {
  readonly first: number
  readonly last: number
}
export interface Ranges {
  readonly addresses: AddressRange
  readonly nodePorts: PortRange
}
export interface Taken {
  readonly addresses: readonly string[]
  readonly ports: readonly number[]
}

type AnyService = DeepReadonly<Service>

const HEADLESS = 'None'

export function wantsNodePorts(service: AnyService): boolean {
  const { type, allocateLoadBalancerNodePorts } = service.spec ?? {}
  return type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false)
}
const wantsHealthPort = ({ spec }: AnyService) =>
  spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'

/** What a Service holds, as it stands in the store. */
export function heldBy(service: AnyService): Taken {
  const { clusterIP, clusterIPs, ports = [], healthCheckNodePort } = service.spec ?? {}
  const addresses = new Set([...(clusterIPs ?? []), clusterIP].filter((a): a is string => !!a && a !== HEADLESS))
  const held = new Set([...ports.map((p) => p.nodePort), healthCheckNodePort].filter((p): p is number => !!p))
  return { addresses: [...addresses], ports: [...held] }
}

/** Mutates `service`. @param errors gets what can't be had */
export function planService(
  service: Service,
  old: AnyService | undefined,
  ranges: Ranges,
  used: Used,
  random: () => number,
  errors: FieldError[],
): Taken {
  const spec = service.spec
  if (!spec) return { addresses: [], ports: [] }
  const before = old ? heldBy(old) : { addresses: [], ports: [] }
  planAddresses(service, before, ranges.addresses, used, random, errors)
  planPorts(service, before, ranges.nodePorts, used, random, errors)
  const now = heldBy(service)
  return now
}

function planAddresses(
  service: Service,
  before: Taken,
  range: AddressRange,
  used: Used,
  random: () => number,
  errors: FieldError[],
): void {
  const spec = service.spec!
  if (spec.type === 'ExternalName') return
  if (spec.clusterIP === HEADLESS) spec.clusterIPs = [HEADLESS]
  if (!planFamilies(spec, range, errors) || spec.clusterIP === HEADLESS) return
  const wanted = spec.clusterIP || spec.clusterIPs?.[0]
  if (wanted) {
    const refuse = (why: string) =>
      errors.push(invalid('spec.clusterIPs', [wanted], `failed to allocate IP ${wanted}: ${why}`))
    if (!before.addresses.includes(wanted)) {
      if (!range.contains(wanted)) refuse('the provided network does not match the current range')
      else if (used.hasAddress(wanted)) refuse('provided IP is already allocated')
    }
    spec.clusterIP = wanted
  } else spec.clusterIP = freeAddress(range, used, random)
  spec.clusterIPs = [spec.clusterIP]
}

/**
 * Families follow the addresses, then the cluster; this one has a single family. k8s: what has neither address nor selector is nobody's
 * to route, so that it may have both. False when the addresses can't be given.
 */
function planFamilies(spec: NonNullable<Service['spec']>, range: AddressRange, errors: FieldError[]): boolean {
  const own = `IPv${range.family}`
  const free = spec.clusterIP === HEADLESS && Object.keys(spec.selector ?? {}).length === 0
  spec.ipFamilyPolicy ??= free ? 'RequireDualStack' : 'SingleStack'
  const policy = spec.ipFamilyPolicy
  const field = 'spec.ipFamilyPolicy'
  const found = errors.length
  if (policy === 'SingleStack') {
    const must = "must be 'RequireDualStack' or 'PreferDualStack' when multiple"
    if (spec.clusterIPs?.length === 2) errors.push(invalid(field, policy, `${must} cluster IPs are specified`))
    if (spec.ipFamilies?.length === 2) errors.push(invalid(field, policy, `${must} IP families are specified`))
  }
  const families = [...(spec.ipFamilies ?? [])]
  spec.clusterIPs?.forEach((ip, i) => {
    if (ip === HEADLESS || families[i] !== undefined) return
    const family = ip.includes(':') ? 'IPv6' : 'IPv4'
    if (family === own) families.push(family)
    else errors.push(invalid(`spec.clusterIPs[${i}]`, spec.clusterIPs, `${family} is not configured on this cluster`))
  })
  if (errors.length > found) return false
  if (free) {
    if (families.length === 0) families.push(own)
    if (families.length === 1 && policy !== 'SingleStack') families.push(families[0] === 'IPv4' ? 'IPv6' : 'IPv4')
    spec.ipFamilies = families
    return true
  }
  if (policy === 'RequireDualStack') {
    errors.push(invalid(field, policy, 'this cluster is not configured for dual-stack services'))
  }
  families.forEach((family, i) => {
    if (family !== own) errors.push(invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster'))
  })
  spec.ipFamilies = families.length > 0 ? families : [own]
  return errors.length === found
}

/** k8s: the lower part of a range is left to those who choose addresses themselves, as long as the rest has any. */
function freeAddress(range: AddressRange, used: Used, random: () => number): string {
  const size = range.usable
  const low = Math.min(Math.max(16, Math.floor(size / 16)), 256, size)
  const found =
    firstFree(low + 1, size, random, (n) => !used.hasAddress(range.at(n))) ??
    firstFree(1, low, random, (n) => !used.hasAddress(range.at(n)))
  if (found === undefined) throw internal('failed to allocate a serviceIP: range is full')
  return range.at(found)
}

function planPorts(
  service: Service,
  before: Taken,
  range: PortRange,
  used: Used,
  random: () => number,
  errors: FieldError[],
): void {
  const spec = service.spec!
  const own = new Map<number, Set<string>>()
  const taken = (port: number) => used.hasPort(port) || own.has(port)
  const wants = wantsNodePorts(service)
  for (const [i, port] of (spec.ports ?? []).entries()) {
    if (!wants) continue
    const protocol = port.protocol ?? 'TCP'
    if (!port.nodePort) continue
    const field = `spec.ports[${i}].nodePort`
    checkPort(port.nodePort, field, before, range, used, errors)
    const protocols = own.get(port.nodePort) ?? new Set()
    own.set(port.nodePort, protocols.add(protocol))
  }
  for (const port of spec.ports ?? []) {
    if (!wants || port.nodePort) continue
    port.nodePort = freePort(range, taken, random)
    own.set(port.nodePort, new Set([port.protocol ?? 'TCP']))
  }
  if (!wantsHealthPort(service)) return
  if (spec.healthCheckNodePort) {
    checkPort(spec.healthCheckNodePort, 'spec.healthCheckNodePort', before, range, used, errors)
  } else spec.healthCheckNodePort = freePort(range, taken, random)
}

function checkPort(
  port: number,
  field: string,
  before: Taken,
  range: PortRange,
  used: Used,
  errors: FieldError[],
): void {
  if (before.ports.includes(port)) return
  if (port < range.first || port > range.last) {
    const why = `provided port is not in the valid range. The range of valid ports is ${range.first}-${range.last}`
    errors.push(invalid(field, port, why))
  } else if (used.hasPort(port)) errors.push(invalid(field, port, 'provided port is already allocated'))
}

function freePort(range: PortRange, taken: (port: number) => boolean, random: () => number): number {
  const size = range.last - range.first + 1
  const low = Math.min(Math.max(16, Math.floor(size / 32)), 128, size)
  const free = (port: number) => !taken(port)
  const found =
    firstFree(range.first + low, range.last, random, free) ??
    firstFree(range.first, range.first + low - 1, random, free)
  if (found === undefined) throw internal('failed to allocate a nodePort: range is full')
  return found
}

/** From a random place on, once around. */
function firstFree(
  first: number,
  last: number,
  random: () => number,
  free: (n: number) => boolean,
): number | undefined {
  const size = last - first + 1
  const start = Math.floor(random() * size)
  for (let i = 0; i < size; i++) {
    const n = first + ((start + i) % size)
    if (free(n)) return n
  }
  return undefined
}

/**
 * What an update that leaves it out keeps from before, and what a change of type gives back. Mutates `service`. k8s: `kubectl
 * replace` of a manifest without addresses doesn't lose them.
 */
export function carryOver(service: Service, old: AnyService): void {
  const spec = service.spec
  const before = old.spec
  if (!spec || !before) return
  if (spec.type === 'ExternalName') {
    if (before.type !== 'ExternalName') {
      if (spec.clusterIP === before.clusterIP) delete spec.clusterIP
      if (spec.clusterIPs?.[0] === before.clusterIPs?.[0]) delete spec.clusterIPs
      delete spec.ipFamilies
      delete spec.ipFamilyPolicy
    }
  } else if (before.type !== 'ExternalName') {
    if (!spec.clusterIP && !spec.clusterIPs?.length && before.clusterIP) {
      spec.clusterIP = before.clusterIP
      spec.clusterIPs = [...(before.clusterIPs ?? [before.clusterIP])]
    } else if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP]
    else if (!spec.clusterIP && spec.clusterIPs?.length) spec.clusterIP = spec.clusterIPs[0]
  }
  const hadPorts = wantsNodePorts(old)
  for (const port of spec.ports ?? []) {
    const same = before.ports?.find((p) => p.port === port.port && (p.protocol ?? 'TCP') === (port.protocol ?? 'TCP'))
    if (wantsNodePorts(service)) {
      if (!port.nodePort && same?.nodePort) port.nodePort = same.nodePort
    } else if (hadPorts && same?.nodePort && port.nodePort === same.nodePort) delete port.nodePort
  }
  if (wantsHealthPort(service)) {
    if (!spec.healthCheckNodePort && before.healthCheckNodePort) spec.healthCheckNodePort = before.healthCheckNodePort
  } else if (spec.healthCheckNodePort === before.healthCheckNodePort) delete spec.healthCheckNodePort
}
