// The objects that a cluster has from its first moment. Plain data, made from the cluster's settings. Pure.
import type { AddressRange } from '../allocators/address-range.ts'

/** As it is sent to the API: apiVersion, kind, metadata and content. */
export interface WantedObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

const DNS_ADDRESS = 10

export const namespaces: readonly WantedObject[] = ['default', 'kube-system', 'kube-public', 'kube-node-lease'].map(
  (name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
)

export const priorityClasses: readonly WantedObject[] = [
  {
    name: 'system-cluster-critical',
    value: 2_000_000_000,
    description: 'For pods that the cluster needs, wherever they run; they may be moved to another node.',
  },
  {
    name: 'system-node-critical',
    value: 2_000_001_000,
    description: 'For pods that their own node needs and that must not be moved away from it.',
  },
].map(({ name, ...rest }) => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  ...rest,
  globalDefault: false,
  preemptionPolicy: 'PreemptLowerPriority',
}))

/** The address under which pods find the API, and the one where names are resolved. */
export const wellKnownAddresses = (range: AddressRange) => ({
  kubernetes: range.at(1),
  dns: range.at(Math.min(DNS_ADDRESS, range.usable)),
})

/** @param port where the server listens: what the Service leads to */
export function kubernetesService(range: AddressRange, port: number): WantedObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: wellKnownAddresses(range).kubernetes,
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }],
      sessionAffinity: 'None',
    },
  }
}

/** No selector: names are resolved on every node, by its agent, and not by pods. */
export function dnsService(range: AddressRange): WantedObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kube-dns',
      namespace: 'kube-system',
      labels: {
        'k8s-app': 'kube-dns',
        'kubernetes.io/cluster-service': 'true',
        'kubernetes.io/name': 'CoreDNS',
      },
      annotations: { 'prometheus.io/port': '9153', 'prometheus.io/scrape': 'true' },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: wellKnownAddresses(range).dns,
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
        { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
        { name: 'metrics', port: 9153, protocol: 'TCP', targetPort: 9153 },
      ],
    },
  }
}

export const serviceCIDR = (range: AddressRange): WantedObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  metadata: { name: 'kubernetes' },
  spec: { cidrs: [range.cidr] },
})

/** Where the API server itself is. */
export function kubernetesEndpoints(address: string, port: number): WantedObject[] {
  const ports = [{ name: 'https', port, protocol: 'TCP' }]
  return [
    {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: {
        name: 'kubernetes',
        namespace: 'default',
        labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' },
      },
      subsets: [{ addresses: [{ ip: address }], ports }],
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
      addressType: address.includes(':') ? 'IPv6' : 'IPv4',
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports,
    },
  ]
}

/** k8s: from this day on, the last use of a token that stands in a Secret is known. */
export const tokenTracking = (nowMs: number): WantedObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' },
  data: { since: new Date(nowMs).toISOString().slice(0, 10) },
})
