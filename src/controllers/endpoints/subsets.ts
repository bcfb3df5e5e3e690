// The subsets of an Endpoints object: addresses that serve the same ports stand together, in a fixed order. Pure.

import type { Pod } from '../../api/kinds/pod.ts'
import type { Service } from '../../api/kinds/service.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { isPodReady, isTerminal } from '../../api/meta/pods.ts'
import type { EndpointAddress, EndpointPort, EndpointSubset } from '../../api/types/core.v1.ts'
import { addressFamilies, hostnameIn, isHeadless, podAddress, resolvedPorts } from './desired.ts'

/** k8s: an Endpoints object holds at most this many addresses. */
const MAX_ADDRESSES = 1000

export function desiredSubsets(
  service: DeepReadonly<Service>,
  pods: readonly DeepReadonly<Pod>[],
): { subsets: EndpointSubset[]; truncated: boolean } {
  const family = addressFamilies(service)[0]!
  const publish = service.spec.publishNotReadyAddresses === true
  /** By port: who serves it. */
  const byPort = new Map<string, { port: EndpointPort | undefined; hosts: Map<string, Host> }>()
  for (const pod of pods) {
    const ip = podAddress(pod, family)
    if (!ip || isTerminal(pod) || (pod.metadata.deletionTimestamp && !publish)) continue
    const host = { address: addressOf(service, pod, ip), ready: publish || isPodReady(pod) }
    const portless = isHeadless(service) && !service.spec.ports?.length
    const ports: (EndpointPort | undefined)[] = portless ? [undefined] : resolvedPorts(service, pod).map(corePort)
    for (const port of ports) {
      const key = JSON.stringify(port ?? null)
      const entry = byPort.get(key) ?? { port, hosts: new Map() }
      byPort.set(key, entry)
      entry.hosts.set(`${ip}/${pod.metadata.uid}`, host)
    }
  }
  return truncate(repack([...byPort.values()]))
}

interface Host {
  address: EndpointAddress
  ready: boolean
}

/** Ports with exactly the same hosts become one subset. */
function repack(byPort: { port: EndpointPort | undefined; hosts: Map<string, Host> }[]): EndpointSubset[] {
  const bySet = new Map<string, { hosts: Host[]; ports: EndpointPort[] }>()
  for (const { port, hosts } of byPort) {
    const sorted = [...hosts].sort(([a], [b]) => (a < b ? -1 : 1))
    const key = sorted.map(([id, { ready }]) => `${id}:${ready}`).join('|')
    const entry = bySet.get(key) ?? { hosts: sorted.map(([, host]) => host), ports: [] }
    bySet.set(key, entry)
    if (port) entry.ports.push(port)
  }
  return [...bySet]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { hosts, ports }]) => {
      const addresses = hosts.filter((h) => h.ready).map((h) => h.address)
      const notReadyAddresses = hosts.filter((h) => !h.ready).map((h) => h.address)
      return {
        ...(addresses.length > 0 ? { addresses } : {}),
        ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
        ...(ports.length > 0 ? { ports: ports.sort((a, b) => (portKey(a) < portKey(b) ? -1 : 1)) } : {}),
      }
    })
}

/** Ready addresses are kept before those that are not. */
function truncate(subsets: EndpointSubset[]): { subsets: EndpointSubset[]; truncated: boolean } {
  const count = (list: EndpointAddress[] | undefined) => list?.length ?? 0
  const ready = subsets.reduce((sum, s) => sum + count(s.addresses), 0)
  const all = subsets.reduce((sum, s) => sum + count(s.notReadyAddresses), ready)
  if (all <= MAX_ADDRESSES) return { subsets, truncated: false }
  let readyLeft = MAX_ADDRESSES
  let otherLeft = Math.max(0, MAX_ADDRESSES - ready)
  const kept: EndpointSubset[] = []
  for (const { addresses = [], notReadyAddresses = [], ports } of subsets) {
    const first = addresses.slice(0, readyLeft)
    const second = notReadyAddresses.slice(0, otherLeft)
    readyLeft -= first.length
    otherLeft -= second.length
    if (first.length + second.length === 0) continue
    kept.push({
      ...(first.length > 0 ? { addresses: first } : {}),
      ...(second.length > 0 ? { notReadyAddresses: second } : {}),
      ...(ports ? { ports } : {}),
    })
  }
  return { subsets: kept, truncated: true }
}

function addressOf(service: DeepReadonly<Service>, pod: DeepReadonly<Pod>, ip: string): EndpointAddress {
  const hostname = hostnameIn(pod, service)
  const { namespace, name, uid } = pod.metadata
  return {
    ip,
    ...(hostname ? { hostname } : {}),
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
  }
}

function corePort({ name, port, protocol, appProtocol }: ReturnType<typeof resolvedPorts>[number]): EndpointPort {
  return { ...(name ? { name } : {}), port: port ?? 0, protocol, ...(appProtocol ? { appProtocol } : {}) }
}

const portKey = ({ name = '', port, protocol = 'TCP' }: EndpointPort) =>
  `${name}/${String(port).padStart(5, '0')}/${protocol}`
