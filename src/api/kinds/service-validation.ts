// The rules of Services: what stands in one. What a change of one may do is in service-update.ts.
// k8s: field paths, sentences and order as the real server's.
import { duplicate, type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import { dnsLabel, dnsSubdomain, portNumber, qualifiedName } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { validateLabels } from '../meta/object-meta.ts'
import type { Service, ServicePort, ServiceSpec } from '../types/core.v1.ts'
import { checkCidr, checkIp, checkName, checkOneOf, checkPort, type Errors } from './check.ts'
import { checkEndpointIp } from './endpoint-address.ts'
import { internalShape, SERVICE_PORT_FIELDS } from './internal-shape.ts'
import { checkClusterIps, isHeadless } from './service-addresses.ts'

type AnyService = DeepReadonly<Service>
type Spec = DeepReadonly<ServiceSpec>

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']
const MAX_AFFINITY_SECONDS = 86400
const ONLY_BALANCED = "may only be used when `type` is 'LoadBalancer'"
const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints'
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode'
const SOURCE_RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges'

/** @param old an update: addresses that were let in once may stay */
export function validateService(service: AnyService, old?: AnyService): FieldError[] {
  const errors: Errors = []
  const { spec } = service
  const headless = isHeadless(spec)
  checkTopology(errors, service.metadata.annotations ?? {})
  if (!spec.ports?.length && !headless && spec.type !== 'ExternalName') errors.push(required('spec.ports'))
  if (headless && (spec.type === 'LoadBalancer' || spec.type === 'NodePort')) {
    errors.push(invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`))
  }
  if (spec.type === 'ExternalName') checkExternalName(errors, spec)
  const names = new Set<string>()
  spec.ports?.forEach((port, i) => {
    checkServicePort(errors, `spec.ports[${i}]`, port, (spec.ports?.length ?? 0) > 1, names)
  })
  errors.push(...validateLabels(spec.selector, 'spec.selector'))
  checkAffinity(errors, spec)
  checkClusterIps(errors, spec, old?.spec)
  spec.externalIPs?.forEach((ip, i) => {
    const before = errors.length
    checkIp(errors, `spec.externalIPs[${i}]`, ip, old?.spec.externalIPs)
    if (errors.length === before) checkEndpointIp(errors, `spec.externalIPs[${i}]`, ip)
  })
  checkOneOf(errors, 'spec.type', spec.type, TYPES)
  checkUniquePorts(errors, spec)
  checkSourceRanges(errors, service, old)
  const allocates = spec.allocateLoadBalancerNodePorts
  if (allocates !== undefined && spec.type !== 'LoadBalancer') {
    errors.push(forbiddenField('spec.allocateLoadBalancerNodePorts', ONLY_BALANCED))
  }
  if (allocates === undefined && spec.type === 'LoadBalancer') errors.push(required('allocateLoadBalancerNodePorts'))
  checkBalancerClass(errors, spec)
  checkPolicies(errors, spec)
  return errors
}

function checkTopology(errors: Errors, annotations: Readonly<Record<string, string>>): void {
  const [mode, hints] = [annotations[TOPOLOGY_MODE], annotations[TOPOLOGY_HINTS]]
  if (mode === undefined || hints === undefined || mode === hints) return
  const why = `must match annotations[${TOPOLOGY_HINTS}] when both are specified`
  errors.push(invalid(`metadata.annotations[${TOPOLOGY_MODE}]`, mode, why))
}

function checkExternalName(errors: Errors, spec: Spec): void {
  for (const key of ['clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const) {
    if (spec[key]?.length) errors.push(forbiddenField(`spec.${key}`, 'may not be set for ExternalName services'))
  }
  const name = spec.externalName?.replace(/\.$/, '')
  checkName(errors, 'spec.externalName', name, dnsSubdomain)
}

function checkServicePort(
  errors: Errors,
  at: string,
  port: DeepReadonly<ServicePort>,
  needsName: boolean,
  names: Set<string>,
): void {
  if (!port.name) {
    if (needsName) errors.push(required(`${at}.name`))
  } else {
    checkName(errors, `${at}.name`, port.name, dnsLabel)
    if (names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name))
    names.add(port.name)
  }
  for (const problem of portNumber(port.port ?? 0)) errors.push(invalid(`${at}.port`, port.port ?? 0, problem))
  checkOneOf(errors, `${at}.protocol`, port.protocol, ['TCP', 'UDP', 'SCTP'])
  checkPort(errors, `${at}.targetPort`, port.targetPort)
  if (port.appProtocol !== undefined) {
    for (const problem of qualifiedName(port.appProtocol)) {
      errors.push(invalid(`${at}.appProtocol`, port.appProtocol, problem))
    }
  }
}

function checkUniquePorts(errors: Errors, spec: Spec): void {
  const ports = spec.ports ?? []
  if (spec.type === 'ClusterIP') {
    ports.forEach(({ nodePort }, i) => {
      const field = `spec.ports[${i}].nodePort`
      if (nodePort) errors.push(forbiddenField(field, "may not be used when `type` is 'ClusterIP'"))
    })
  }
  const [seen, nodePorts] = [new Set<string>(), new Set<string>()]
  ports.forEach(({ protocol, nodePort }, i) => {
    if (!nodePort) return
    const key = `${protocol}/${nodePort}`
    if (nodePorts.has(key)) errors.push(duplicate(`spec.ports[${i}].nodePort`, nodePort))
    nodePorts.add(key)
  })
  ports.forEach(({ protocol, port }, i) => {
    const key = `${protocol}/${port}`
    if (seen.has(key)) {
      errors.push(duplicate(`spec.ports[${i}]`, internalShape({ protocol, port }, SERVICE_PORT_FIELDS)))
    }
    seen.add(key)
  })
}

function checkAffinity(errors: Errors, spec: Spec): void {
  checkOneOf(errors, 'spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None'])
  const field = 'spec.sessionAffinityConfig'
  const config = spec.sessionAffinityConfig
  if (spec.sessionAffinity === 'None' && config) {
    errors.push(forbiddenField(field, 'must not be set when session affinity is None'))
  }
  if (spec.sessionAffinity !== 'ClientIP') return
  const why = 'when session affinity type is ClientIP'
  const seconds = config?.clientIP?.timeoutSeconds
  if (!config) errors.push(required(field, why))
  else if (!config.clientIP) errors.push(required(`${field}.clientIP`, why))
  else if (seconds === undefined) errors.push(required(`${field}.clientIP.timeoutSeconds`, why))
  else if (seconds <= 0 || seconds > MAX_AFFINITY_SECONDS) {
    const bounds = `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`
    errors.push(invalid(`${field}.clientIP.timeoutSeconds`, seconds, bounds))
  }
}

/** As a field, or as the annotation that was there before. */
function checkSourceRanges(errors: Errors, { spec, metadata }: AnyService, old: AnyService | undefined): void {
  const balanced = spec.type === 'LoadBalancer'
  const ranges = spec.loadBalancerSourceRanges ?? []
  if (ranges.length > 0) {
    const field = 'spec.LoadBalancerSourceRanges'
    if (!balanced) errors.push(forbiddenField(field, ONLY_BALANCED))
    const kept = (old?.spec.loadBalancerSourceRanges ?? []).map((range) => range.trim())
    ranges.forEach((range, i) => {
      checkCidr(errors, `${field}[${i}]`, range.trim(), kept)
    })
    return
  }
  const text = metadata.annotations?.[SOURCE_RANGES]
  if (text === undefined) return
  const field = `metadata.annotations[${SOURCE_RANGES}]`
  if (!balanced) errors.push(forbiddenField(field, ONLY_BALANCED))
  if (text === old?.metadata.annotations?.[SOURCE_RANGES] || text.trim() === '') return
  for (const range of text.trim().split(',')) checkCidr(errors, field, range.trim())
}

export function checkBalancerClass(errors: Errors, spec: Spec): void {
  const name = spec.loadBalancerClass
  if (name === undefined) return
  if (spec.type !== 'LoadBalancer') errors.push(forbiddenField('spec.loadBalancerClass', ONLY_BALANCED))
  else for (const problem of qualifiedName(name)) errors.push(invalid('spec.loadBalancerClass', name, problem))
}

/** Reachable from outside the cluster. */
export const isExternal = (spec: Spec): boolean =>
  spec.type === 'LoadBalancer' ||
  spec.type === 'NodePort' ||
  (spec.type === 'ClusterIP' && Boolean(spec.externalIPs?.length))

export const needsHealthPort = (spec: Spec): boolean =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'

function checkPolicies(errors: Errors, spec: Spec): void {
  const external = spec.externalTrafficPolicy
  const field = 'spec.externalTrafficPolicy'
  if (isExternal(spec)) checkOneOf(errors, field, external, ['Cluster', 'Local'])
  else if (external) errors.push(invalid(field, external, 'may only be set for externally-accessible services'))
  const health = spec.healthCheckNodePort ?? 0
  if (!needsHealthPort(spec)) {
    if (health !== 0) {
      const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
      errors.push(invalid('spec.healthCheckNodePort', health, why))
    }
    // An absent one is filled in when the Service is written.
  } else if (health !== 0)
    for (const problem of portNumber(health)) errors.push(invalid('spec.healthCheckNodePort', health, problem))
  const internal = spec.internalTrafficPolicy
  if (
    internal !== undefined ||
    (spec.type !== undefined && ['NodePort', 'LoadBalancer', 'ClusterIP'].includes(spec.type))
  ) {
    checkOneOf(errors, 'spec.internalTrafficPolicy', internal, ['Cluster', 'Local'])
  }
  const known = ['PreferClose', 'PreferSameZone', 'PreferSameNode']
  const distribution = spec.trafficDistribution
  if (distribution !== undefined && !known.includes(distribution)) {
    errors.push(notSupported('spec.trafficDistribution', distribution, known))
  }
}
