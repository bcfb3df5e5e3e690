// Service: a stable address for a set of pods. Its rules stand in service-validation.ts; addresses and node ports are allocated by
// the server between prepareForCreate and validate.

import { dnsLabel } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/core.v1.ts'
import { age, labelMap, text, wide } from './columns.ts'
import { defineKind } from './kind.ts'
import { validateServiceStatus, validateServiceUpdate } from './service-update.ts'
import { isExternal, validateService } from './service-validation.ts'
import { serviceWarnings } from './service-warnings.ts'

export type Service = types.Service

type AnyService = DeepReadonly<types.Service>

function externalAddress({ spec, status }: AnyService): string {
  const external = spec.externalIPs ?? []
  switch (spec.type) {
    case 'ExternalName':
      return spec.externalName ?? ''
    case 'LoadBalancer': {
      const given = (status?.loadBalancer?.ingress ?? []).map((i) => i.ip || i.hostname || '')
      return [...new Set(given.filter(Boolean)), ...external].join(',') || '<pending>'
    }
    case 'ClusterIP':
    case 'NodePort':
      return external.join(',') || '<none>'
  }
  return '<unknown>'
}

const portsOf = ({ spec }: AnyService) =>
  (spec.ports ?? [])
    .map((p) => (p.nodePort ? `${p.port}:${p.nodePort}/${p.protocol}` : `${p.port}/${p.protocol}`))
    .join(',') || '<none>'

const usesClusterIp = (type: string | undefined) => type !== 'ExternalName'
const usesNodePorts = (type: string | undefined) => type === 'NodePort' || type === 'LoadBalancer'

/** k8s: clients that send a service back without what was allocated for it keep it. */
function keepAllocated({ spec }: types.Service, { spec: old }: AnyService): void {
  if (usesClusterIp(spec.type) && usesClusterIp(old.type)) {
    const given = spec.clusterIP
    spec.clusterIP ??= old.clusterIP
    if (spec.clusterIP === '' && old.clusterIP) spec.clusterIP = old.clusterIP
    if (!spec.clusterIPs?.length) {
      spec.clusterIPs = given && given !== old.clusterIP ? [given] : [...(old.clusterIPs ?? [])]
    } else if (given && given !== old.clusterIP && spec.clusterIPs[0] === old.clusterIPs?.[0]) {
      spec.clusterIPs = [given, ...spec.clusterIPs.slice(1)]
    }
    spec.ipFamilyPolicy ??= old.ipFamilyPolicy
    if (!spec.ipFamilies?.length && old.ipFamilies) spec.ipFamilies = [...old.ipFamilies]
  }
  if (usesNodePorts(spec.type) && usesNodePorts(old.type)) {
    const key = (p: DeepReadonly<types.ServicePort>) => `${p.protocol}/${p.port}`
    const before = new Map((old.ports ?? []).map((p) => [key(p), p.nodePort]))
    const taken = new Set((spec.ports ?? []).map((p) => p.nodePort))
    for (const port of spec.ports ?? []) {
      const nodePort = before.get(key(port))
      if (!port.nodePort && nodePort && !taken.has(nodePort)) port.nodePort = nodePort
    }
  }
  if (spec.externalTrafficPolicy === 'Local' && old.healthCheckNodePort) {
    spec.healthCheckNodePort ||= old.healthCheckNodePort
  }
}

/** k8s: a change of type takes away what only the old type had, where the client left it as it was. */
function dropForeignFields({ spec }: types.Service, { spec: old }: AnyService): void {
  if (spec.type === old.type) return
  if (spec.type === 'ExternalName' && usesClusterIp(old.type)) {
    if (spec.clusterIP === old.clusterIP) delete spec.clusterIP
    if (String(spec.clusterIPs) === String(old.clusterIPs)) delete spec.clusterIPs
    delete spec.ipFamilies
    delete spec.ipFamilyPolicy
    delete spec.internalTrafficPolicy
  }
  if (!usesNodePorts(spec.type) && usesNodePorts(old.type)) {
    const before = new Set((old.ports ?? []).map((p) => p.nodePort))
    for (const port of spec.ports ?? []) if (before.has(port.nodePort)) delete port.nodePort
    if (!spec.externalIPs?.length) delete spec.externalTrafficPolicy
    delete spec.healthCheckNodePort
  }
  if (spec.type !== 'LoadBalancer') {
    delete spec.allocateLoadBalancerNodePorts
    delete spec.loadBalancerClass
  }
}

export const Service = defineKind<Service>({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  scope: 'Namespaced',
  shortNames: ['svc'],
  categories: ['all'],
  subresources: ['status', 'proxy'],
  description: 'A stable address and name for a set of pods, over which connections are spread.',
  columns: [
    text('Type', (s) => s.spec.type ?? '', 'How the service is reached.'),
    text('Cluster-IP', (s) => s.spec.clusterIPs?.[0] || s.spec.clusterIP || '<none>', 'Address inside the cluster.'),
    text('External-IP', (s) => externalAddress(s), 'Addresses outside the cluster.'),
    text('Port(s)', (s) => portsOf(s), 'Ports, with the ports of the nodes after a colon.'),
    age(),
    wide(labelMap('Selector', (s) => s.spec.selector, 'Labels of the pods behind it.')),
  ],
  validateName: dnsLabel,
  hasGeneration: false,
  selectableFields: {
    'spec.clusterIP': (s) => s.spec.clusterIP ?? '',
    'spec.type': (s) => s.spec.type ?? '',
  },
  default(s) {
    s.spec ??= {}
    const spec = s.spec
    spec.sessionAffinity ||= 'None'
    if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig
    if (spec.sessionAffinity === 'ClientIP') {
      spec.sessionAffinityConfig ??= {}
      spec.sessionAffinityConfig.clientIP ??= {}
      spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= 10800
    }
    spec.type ||= 'ClusterIP'
    for (const port of spec.ports ?? []) {
      port.protocol ||= 'TCP'
      if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port
    }
    if (isExternal(spec)) spec.externalTrafficPolicy ||= 'Cluster'
    if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ||= 'Cluster'
    if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true
    // k8s: LoadBalancer addresses are virtual unless said otherwise
    if (spec.type === 'LoadBalancer') {
      for (const ingress of s.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP'
    }
    s.status ??= {}
    s.status.loadBalancer ??= {}
  },
  validate: (s) => validateService(s),
  validateChange: validateServiceUpdate,
  validateStatusUpdate: validateServiceStatus,
  warnings: (s) => serviceWarnings(s),
  prepareForCreate(s) {
    s.status = { loadBalancer: {} }
    const { spec } = s
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP]
    if (!spec.clusterIP && spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0]
  },
  prepareForUpdate(s, old) {
    keepAllocated(s, old)
    dropForeignFields(s, old)
  },
})
