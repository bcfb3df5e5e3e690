// The rules of Services. k8s: field paths and sentences as the real server's.
import { isIP } from 'node:net'
import { duplicate, type FieldError, forbiddenField, invalid, required } from '../meta/errors.ts'
import { dnsLabel, dnsSubdomain, portName, portNumber, qualifiedName } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { validateLabels } from '../meta/object-meta.ts'
import type { Service, ServicePort, ServiceSpec } from '../types/core.v1.ts'
import { checkCidr, checkIp, checkName, checkOneOf, checkRange, type Errors } from './check.ts'

type AnyService = DeepReadonly<Service>
type Spec = DeepReadonly<ServiceSpec>

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']
const MAX_AFFINITY_SECONDS = 86400
const NONE = 'None'

export function validateService({ spec }: AnyService): FieldError[] {
  const errors: Errors = []
  const headless = spec.clusterIP === NONE || spec.clusterIPs?.[0] === NONE
  checkOneOf(errors, 'spec.type', spec.type, TYPES)
  if (spec.type === 'LoadBalancer' && headless) {
    errors.push(invalid('spec.clusterIPs[0]', NONE, "may not be set to 'None' for LoadBalancer services"))
  }
  if (spec.type === 'NodePort' && headless) {
    errors.push(invalid('spec.clusterIPs[0]', NONE, "may not be set to 'None' for NodePort services"))
  }
  if (spec.type === 'ExternalName') checkExternalName(errors, spec)
  else if (!headless && !spec.ports?.length) errors.push(required('spec.ports'))
  checkPorts(errors, spec)
  errors.push(...validateLabels(spec.selector, 'spec.selector'))
  checkAffinity(errors, spec)
  if (spec.type !== 'ExternalName') checkClusterIps(errors, spec)
  spec.externalIPs?.forEach((ip, i) => {
    checkIp(errors, `spec.externalIPs[${i}]`, ip)
  })
  checkLoadBalancer(errors, spec)
  checkPolicies(errors, spec)
  return errors
}

function checkExternalName(errors: Errors, spec: Spec): void {
  if (spec.clusterIPs?.length) {
    errors.push(forbiddenField('spec.clusterIPs', 'may not be set for ExternalName services'))
  }
  for (const key of ['ipFamilies', 'ipFamilyPolicy'] as const) {
    if (spec[key]?.length) errors.push(forbiddenField(`spec.${key}`, 'may not be set for ExternalName services'))
  }
  const name = spec.externalName?.replace(/\.$/, '')
  if (!name) errors.push(required('spec.externalName'))
  else checkName(errors, 'spec.externalName', name, dnsSubdomain)
}

function checkPorts(errors: Errors, spec: Spec): void {
  const ports = spec.ports ?? []
  const [names, seen, nodePorts] = [new Set<string>(), new Set<string>(), new Set<string>()]
  ports.forEach((port, i) => {
    const at = `spec.ports[${i}]`
    checkPort(errors, at, port, ports.length > 1, names)
    if (port.nodePort && spec.type === 'ClusterIP') {
      errors.push(forbiddenField(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'"))
    }
    if (port.nodePort && spec.type === 'ExternalName') {
      errors.push(forbiddenField(`${at}.nodePort`, "may not be used when `type` is 'ExternalName'"))
    }
    const key = `${port.protocol}/${port.port}`
    if (seen.has(key)) errors.push(duplicate(at, { protocol: port.protocol, port: port.port }))
    seen.add(key)
    if (port.nodePort) {
      const nodeKey = `${port.protocol}/${port.nodePort}`
      if (nodePorts.has(nodeKey)) errors.push(duplicate(`${at}.nodePort`, port.nodePort))
      nodePorts.add(nodeKey)
    }
  })
}

function checkPort(
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
  const target = port.targetPort
  if (target !== undefined) {
    const problems = typeof target === 'number' ? portNumber(target) : portName(target)
    for (const problem of problems) errors.push(invalid(`${at}.targetPort`, target, problem))
  }
  if (port.nodePort && portNumber(port.nodePort).length > 0) {
    errors.push(invalid(`${at}.nodePort`, port.nodePort, portNumber(port.nodePort)[0]!))
  }
  if (port.appProtocol) checkName(errors, `${at}.appProtocol`, port.appProtocol, qualifiedName)
}

function checkAffinity(errors: Errors, spec: Spec): void {
  checkOneOf(errors, 'spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None'])
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds
  const field = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds'
  if (spec.sessionAffinity === 'ClientIP' && seconds !== undefined) {
    if (seconds <= 0 || seconds > MAX_AFFINITY_SECONDS) {
      errors.push(invalid(field, seconds, `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`))
    }
  }
  if (spec.sessionAffinity === 'None' && spec.sessionAffinityConfig) {
    errors.push(forbiddenField('spec.sessionAffinityConfig', 'must not be set when session affinity is None'))
  }
}

function checkClusterIps(errors: Errors, spec: Spec): void {
  const { clusterIP, clusterIPs = [], ipFamilies = [] } = spec
  if (clusterIP && clusterIPs.length > 0 && clusterIPs[0] !== clusterIP) {
    errors.push(invalid('spec.clusterIPs', clusterIPs, 'first value must match `clusterIP`'))
  }
  clusterIPs.forEach((ip, i) => {
    const field = `spec.clusterIPs[${i}]`
    if (ip === NONE) {
      if (clusterIPs.length > 1) {
        errors.push(invalid(field, ip, "'None' must be the first and only value"))
      }
      return
    }
    checkIp(errors, field, ip)
    const family = ipFamilies[i]
    if (family && isIP(ip) !== 0 && isIP(ip) !== (family === 'IPv6' ? 6 : 4)) {
      errors.push(invalid(field, ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``))
    }
  })
  if (clusterIPs.length > 2) {
    errors.push(invalid('spec.clusterIPs', clusterIPs, 'may only hold up to 2 values'))
  }
  ipFamilies.forEach((family, i) => {
    checkOneOf(errors, `spec.ipFamilies[${i}]`, family, ['IPv4', 'IPv6'])
    if (ipFamilies.indexOf(family) < i) errors.push(duplicate(`spec.ipFamilies[${i}]`, family))
  })
  if (spec.ipFamilyPolicy) {
    checkOneOf(errors, 'spec.ipFamilyPolicy', spec.ipFamilyPolicy, [
      'PreferDualStack',
      'RequireDualStack',
      'SingleStack',
    ])
    if (spec.ipFamilyPolicy === 'SingleStack' && ipFamilies.length > 1) {
      errors.push(
        invalid(
          'spec.ipFamilyPolicy',
          spec.ipFamilyPolicy,
          'must be RequireDualStack or PreferDualStack when multiple `ipFamilies` are specified',
        ),
      )
    }
  }
}

function checkLoadBalancer(errors: Errors, spec: Spec): void {
  const balanced = spec.type === 'LoadBalancer'
  const only = "may only be used when `type` is 'LoadBalancer'"
  if (spec.loadBalancerSourceRanges?.length) {
    if (!balanced) errors.push(forbiddenField('spec.LoadBalancerSourceRanges', only))
    spec.loadBalancerSourceRanges.forEach((range, i) => {
      checkCidr(errors, `spec.loadBalancerSourceRanges[${i}]`, range.trim())
    })
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && !balanced) {
    errors.push(forbiddenField('spec.allocateLoadBalancerNodePorts', only))
  }
  if (balanced && spec.allocateLoadBalancerNodePorts === undefined) {
    errors.push(required('spec.allocateLoadBalancerNodePorts'))
  }
  if (spec.loadBalancerClass !== undefined) {
    if (!balanced) errors.push(forbiddenField('spec.loadBalancerClass', only))
    checkName(errors, 'spec.loadBalancerClass', spec.loadBalancerClass, qualifiedName)
  }
}

function checkPolicies(errors: Errors, spec: Spec): void {
  const external = spec.type === 'NodePort' || spec.type === 'LoadBalancer' || Boolean(spec.externalIPs?.length)
  if (spec.externalTrafficPolicy) {
    if (!external) {
      errors.push(
        invalid(
          'spec.externalTrafficPolicy',
          spec.externalTrafficPolicy,
          'may only be set for externally-accessible services',
        ),
      )
    } else checkOneOf(errors, 'spec.externalTrafficPolicy', spec.externalTrafficPolicy, ['Cluster', 'Local'])
  } else if (external && spec.type !== 'ExternalName') {
    errors.push(required('spec.externalTrafficPolicy', 'for externally-accessible services'))
  }
  if (spec.healthCheckNodePort) {
    if (spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local') {
      checkRange(errors, 'spec.healthCheckNodePort', spec.healthCheckNodePort, 1, 65535)
    } else {
      errors.push(
        invalid(
          'spec.healthCheckNodePort',
          spec.healthCheckNodePort,
          "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        ),
      )
    }
  }
  checkOneOf(
    errors,
    'spec.internalTrafficPolicy',
    spec.internalTrafficPolicy,
    ['Cluster', 'Local'],
    spec.type === 'ExternalName',
  )
  if (spec.trafficDistribution) {
    checkOneOf(errors, 'spec.trafficDistribution', spec.trafficDistribution, [
      'PreferClose',
      'PreferSameNode',
      'PreferSameZone',
    ])
  }
}

/** k8s: addresses and families stay as long as both the old and the new type have them. */
export function validateServiceUpdate({ spec }: AnyService, { spec: old }: AnyService): FieldError[] {
  const errors: Errors = []
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return errors
  const [now, before] = [spec.clusterIPs ?? [], old.clusterIPs ?? []]
  if (before.length === 0 || before[0] === '') return errors
  if (now[0] !== before[0]) {
    const shown = now.length > 0 ? now : []
    errors.push(
      now[0]
        ? invalid('spec.clusterIPs[0]', shown, 'may not change once set')
        : invalid('spec.clusterIPs[0]', shown, 'primary clusterIP can not be unset'),
    )
  }
  if (spec.ipFamilies?.[0] && old.ipFamilies?.[0] && spec.ipFamilies[0] !== old.ipFamilies[0]) {
    errors.push(invalid('spec.ipFamilies[0]', spec.ipFamilies, 'may not change once set'))
  }
  if (old.loadBalancerClass !== spec.loadBalancerClass && old.type === 'LoadBalancer' && spec.type === 'LoadBalancer') {
    errors.push(invalid('spec.loadBalancerClass', spec.loadBalancerClass, 'may not change once set'))
  }
  return errors
}
