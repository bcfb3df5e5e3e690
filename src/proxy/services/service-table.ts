// Decides which rules a Service needs: pure functions of the Service, its EndpointSlices and this node.

import type { EndpointSlice } from '../../api/kinds/endpoint-slice.ts'
import type { Service } from '../../api/kinds/service.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { ServicePort } from '../../api/types/core.v1.ts'
import type { Endpoint } from '../../api/types/discovery.v1.ts'
import type { Backend, Protocol, ServicePortRule } from './table.ts'

export interface NodeView {
  nodeName: string
  /**
   * Backends that stand for a Service's own on this node, by `namespace/name:portName`. The cluster DNS is answered by every agent
   * itself, so its Service leads to the agent of the same node.
   */
  overrides: ReadonlyMap<string, Backend>
}

/** k8s: the label that ties a slice to its Service. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'

/** One rule per port; none for headless and ExternalName Services. Sorted and free of duplicates, so that equal input gives equal rules. */
export function serviceRules(
  service: DeepReadonly<Service>,
  slices: readonly DeepReadonly<EndpointSlice>[],
  node: NodeView,
): ServicePortRule[] {
  const { spec, metadata } = service
  if (spec.type === 'ExternalName' || !spec.clusterIP || spec.clusterIP === 'None') return []
  const clusterIPs = (spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP]).filter(isIPv4)
  const externalIPs = [
    ...(spec.externalIPs ?? []),
    ...(service.status?.loadBalancer?.ingress ?? []).flatMap((i) => (i.ip && i.ipMode !== 'Proxy' ? [i.ip] : [])),
  ].filter(isIPv4)
  const external = spec.type === 'NodePort' || spec.type === 'LoadBalancer' || externalIPs.length > 0
  const localOutside = external && spec.externalTrafficPolicy === 'Local'
  return (spec.ports ?? []).map((port) => {
    const override = node.overrides.get(`${metadata.namespace}/${metadata.name}:${port.name ?? ''}`)
    const endpoints = override ? { ready: [override], localServing: [override] } : portBackends(port, slices, node)
    const nearby = (onlyLocal: boolean) => (onlyLocal ? endpoints.localServing : endpoints.ready)
    return {
      id: `${metadata.namespace}/${metadata.name}:${port.name ?? ''}`,
      protocol: (port.protocol ?? 'TCP') as Protocol,
      virtualIPs: [
        ...clusterIPs.map((ip) => ({ ip, port: port.port, external: false })),
        ...externalIPs.map((ip) => ({ ip, port: port.port, external: true })),
      ],
      nodePort: port.nodePort ?? 0,
      backends: nearby(spec.internalTrafficPolicy === 'Local'),
      externalBackends: external ? nearby(localOutside) : [],
      preserveClientIP: localOutside,
      affinitySeconds:
        spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800) : 0,
      sourceRanges:
        spec.type === 'LoadBalancer' ? (spec.loadBalancerSourceRanges ?? []).map((range) => range.trim()) : [],
    }
  })
}

/**
 * k8s: traffic goes to ready endpoints; when there are none, to terminating ones that still serve. The fallback is decided
 * separately for the whole cluster and for this node.
 */
function portBackends(port: DeepReadonly<ServicePort>, slices: readonly DeepReadonly<EndpointSlice>[], node: NodeView) {
  const found: { backend: Backend; ready: boolean; serving: boolean }[] = []
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue
    const target = slice.ports?.find(
      (p) => (p.name ?? '') === (port.name ?? '') && (p.protocol ?? 'TCP') === (port.protocol ?? 'TCP'),
    )
    if (!target?.port) continue
    for (const endpoint of slice.endpoints ?? []) {
      const ip = endpoint.addresses[0]
      if (ip === undefined || !isIPv4(ip)) continue
      found.push({ backend: { ip, port: target.port, local: endpoint.nodeName === node.nodeName }, ...state(endpoint) })
    }
  }
  const choose = (candidates: typeof found) => {
    const ready = candidates.filter((c) => c.ready)
    return tidy((ready.length > 0 ? ready : candidates.filter((c) => c.serving)).map((c) => c.backend))
  }
  return { ready: choose(found), localServing: choose(found.filter((c) => c.backend.local)) }
}

/** k8s: absent conditions count as true, except terminating. */
function state({ conditions }: DeepReadonly<Endpoint>) {
  const ready = conditions?.ready !== false
  return { ready, serving: ready || (conditions?.serving ?? false) }
}

function tidy(backends: readonly Backend[]): Backend[] {
  const byAddress = new Map(backends.map((b) => [`${b.ip}:${b.port}`, b]))
  return [...byAddress.keys()].sort().map((address) => byAddress.get(address)!)
}

const isIPv4 = (ip: string) => /^\d{1,3}(\.\d{1,3}){3}$/.test(ip)
