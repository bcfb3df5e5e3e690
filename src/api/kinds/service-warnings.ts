// What is said of Services that are let in: fields that do nothing in their type, and ones that are on their way out.
import { addressWarnings, networkWarnings } from '../meta/addresses.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type { Service } from '../types/core.v1.ts'

const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints'
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode'

export function serviceWarnings({ metadata, spec }: DeepReadonly<Service>): string[] {
  const warnings: string[] = []
  const headless = spec.type === 'ClusterIP' && spec.clusterIP === 'None'
  const external = spec.externalIPs ?? []
  if (metadata.annotations?.[TOPOLOGY_HINTS] !== undefined) {
    warnings.push(`annotation ${TOPOLOGY_HINTS} is deprecated, please use ${TOPOLOGY_MODE} instead`)
  }
  if (!headless) {
    spec.clusterIPs?.forEach((ip, i) => {
      warnings.push(...addressWarnings(`spec.clusterIPs[${i}]`, ip))
    })
  } else {
    if (spec.loadBalancerIP) warnings.push('spec.loadBalancerIP is ignored for headless services')
    if (external.length > 0) warnings.push('spec.externalIPs is ignored for headless services')
    if (spec.sessionAffinity !== 'None') warnings.push('spec.SessionAffinity is ignored for headless services')
  }
  external.forEach((ip, i) => {
    warnings.push(...addressWarnings(`spec.externalIPs[${i}]`, ip))
  })
  if (external.length > 0 && !headless && spec.type !== 'ExternalName') {
    warnings.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters')
  }
  if (spec.loadBalancerIP) warnings.push(...addressWarnings('spec.loadBalancerIP', spec.loadBalancerIP))
  spec.loadBalancerSourceRanges?.forEach((range, i) => {
    warnings.push(...networkWarnings(`spec.loadBalancerSourceRanges[${i}]`, range))
  })
  if (spec.type === 'ExternalName' && external.length > 0) {
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"')
  }
  if (spec.type !== 'ExternalName' && spec.externalName) {
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"')
  }
  if (spec.trafficDistribution === 'PreferClose') {
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
  }
  return warnings
}
