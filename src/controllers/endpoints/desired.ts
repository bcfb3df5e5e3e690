// What the endpoints of a Service are, from its pods: addresses, conditions and the ports they resolve to. Pure but for reading the
// cache; shared by the EndpointSlice and Endpoints controllers.
import { Node } from '../../api/kinds/node.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { Service } from '../../api/kinds/service.ts'
import { fromMap, matches } from '../../api/meta/label-selector.ts'
import { type DeepReadonly, objectKey } from '../../api/meta/object.ts'
import { isPodReady, isSidecar, isTerminal } from '../../api/meta/pods.ts'
import type { ServicePort } from '../../api/types/core.v1.ts'
import type { Endpoint, EndpointPort } from '../../api/types/discovery.v1.ts'
import type { Cache } from '../../client/cache.ts'
import type { Trigger } from '../controller.ts'

export type Family = 'IPv4' | 'IPv6'
type AnyPod = DeepReadonly<Pod>
type AnyService = DeepReadonly<Service>

/** Endpoints that share the same ports: pods may resolve a named port to different numbers. */
export interface PortGroup {
  ports: EndpointPort[]
  endpoints: Endpoint[]
}

export const isHeadless = ({ spec }: AnyService) => spec.clusterIP === 'None'

export function selectedPods(service: AnyService, cache: Cache): AnyPod[] {
  const selector = fromMap(service.spec.selector)
  const { namespace } = service.metadata
  return cache.list(Pod, { namespace }).filter((pod) => matches(selector, pod.metadata.labels))
}

export function addressFamilies({ spec }: AnyService): Family[] {
  if (spec.ipFamilies?.length) return spec.ipFamilies as Family[]
  return [spec.clusterIP?.includes(':') ? 'IPv6' : 'IPv4']
}

export const podAddress = ({ status }: AnyPod, family: Family): string | undefined => {
  const all = status?.podIPs?.map(({ ip }) => ip) ?? (status?.podIP ? [status.podIP] : [])
  return all.find((ip) => ip && (family === 'IPv6') === ip.includes(':'))
}

/** k8s: a pod's own host name is known to DNS only under the Service that is its subdomain. */
export function hostnameIn(pod: AnyPod, service: AnyService): string | undefined {
  return pod.spec.hostname && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined
}

export function desiredEndpoints(
  service: AnyService,
  pods: readonly AnyPod[],
  family: Family,
  zoneOf: (node: string) => string | undefined,
): PortGroup[] {
  const groups = new Map<string, PortGroup>()
  for (const pod of pods) {
    const address = podAddress(pod, family)
    if (!address || isTerminal(pod)) continue
    const ports = resolvedPorts(service, pod)
    if (ports.length === 0 && !(isHeadless(service) && !service.spec.ports?.length)) continue
    const key = JSON.stringify(ports)
    const group = groups.get(key) ?? { ports, endpoints: [] }
    groups.set(key, group)
    group.endpoints.push(endpointOf(service, pod, address, zoneOf))
  }
  return [...groups.values()]
}

function endpointOf(
  service: AnyService,
  pod: AnyPod,
  address: string,
  zoneOf: (node: string) => string | undefined,
): Endpoint {
  const serving = isPodReady(pod)
  const terminating = pod.metadata.deletionTimestamp !== undefined
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating)
  const { nodeName } = pod.spec
  const zone = nodeName ? zoneOf(nodeName) : undefined
  const hostname = hostnameIn(pod, service)
  const { namespace, name, uid } = pod.metadata
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(hostname ? { hostname } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
  }
}

/** The Service's ports as this pod serves them; a named port that the pod does not have is left out. */
export function resolvedPorts(service: AnyService, pod: AnyPod): EndpointPort[] {
  const ports: EndpointPort[] = []
  for (const port of service.spec.ports ?? []) {
    const number = targetPortOf(port, pod)
    if (number === undefined) continue
    ports.push({
      name: port.name ?? '',
      protocol: port.protocol ?? 'TCP',
      port: number,
      ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
    })
  }
  return ports
}

function targetPortOf({ targetPort, port, protocol = 'TCP' }: DeepReadonly<ServicePort>, pod: AnyPod) {
  if (typeof targetPort !== 'string') return targetPort || port
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)]
  for (const container of containers) {
    const found = container.ports?.find((p) => p.name === targetPort && (p.protocol ?? 'TCP') === protocol)
    if (found) return found.containerPort
  }
  return undefined
}

/** A pod concerns the Services that select it, and those that did before its labels changed. */
export function servicesOfPods(): Trigger<never> {
  const trigger: Trigger<Pod> = {
    kind: Pod,
    keys(pod, old, cache) {
      const labels = pod.metadata.labels
      const before = old && old.metadata.labels !== labels ? old.metadata.labels : labels
      return cache
        .list(Service, { namespace: pod.metadata.namespace })
        .filter(({ spec: { selector } }) => selector && (covers(selector, labels) || covers(selector, before)))
        .map(objectKey)
    },
  }
  return trigger as unknown as Trigger<never>
}

/** Without building a selector: this runs for every pod change and every Service. */
function covers(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>> | undefined) {
  for (const key in selector) if (labels?.[key] !== selector[key]) return false
  return true
}

const ZONE = 'topology.kubernetes.io/zone'

/** A node that changes its zone concerns the Services of its pods. */
export function servicesOfNode(): Trigger<never> {
  const trigger: Trigger<Node> = {
    kind: Node,
    keys(node, old, cache) {
      const zone = node.metadata.labels?.[ZONE]
      if (zone === old?.metadata.labels?.[ZONE]) return []
      const pods = cache.list(Pod).filter((pod) => pod.spec.nodeName === node.metadata.name)
      const keys = pods.flatMap((pod) => servicesOfPod(pod, cache))
      return [...new Set(keys)]
    },
  }
  return trigger as unknown as Trigger<never>
}

function servicesOfPod(pod: AnyPod, cache: Cache): string[] {
  return cache
    .list(Service, { namespace: pod.metadata.namespace })
    .filter(({ spec }) => spec.selector && covers(spec.selector, pod.metadata.labels))
    .map(objectKey)
}
