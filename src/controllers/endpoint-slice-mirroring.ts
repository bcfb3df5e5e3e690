// Mirrors Endpoints that a user made for a Service without selector into EndpointSlices, which is what proxies and DNS read.
// Endpoints that carry the skip label, and those of Services that select pods, are not mirrored.
import { EndpointSlice } from '../api/kinds/endpoint-slice.ts'
import { Endpoints } from '../api/kinds/endpoints.ts'
import type { Kind } from '../api/kinds/kind.ts'
import { Service } from '../api/kinds/service.ts'
import { type DeepReadonly, objectKey } from '../api/meta/object.ts'
import type { Endpoint } from '../api/types/discovery.v1.ts'
import { defineController, owned, type Trigger } from './controller.ts'
import type { Family, PortGroup } from './endpoints/desired.ts'
import { planSlices, SERVICE_NAME } from './endpoints/slices.ts'
import { sliceWriter } from './endpoints/write-slices.ts'

const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by'
const US = 'endpointslicemirroring-controller.k8s.io'
const SKIP = 'endpointslice.kubernetes.io/skip-mirror'
const LEADER = 'control-plane.alpha.kubernetes.io/leader'
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'
/** k8s: the mirror's bounds, per slice and per subset. */
const MAX_ENDPOINTS = 1000
const MAX_PER_SUBSET = 1000

export const endpointSliceMirroring = defineController<Endpoints>({
  name: 'endpoint-slice-mirroring',
  kind: Endpoints,
  triggers: [owned(EndpointSlice, Endpoints as unknown as Kind<never>), endpointsOfService()],
  async sync(ctx, endpoints, _key, { client, cache }) {
    // The slices of Endpoints that are gone follow them by their owner reference.
    if (!endpoints || endpoints.metadata.deletionTimestamp) return
    const { name, namespace } = endpoints.metadata
    const existing = cache.list(EndpointSlice, { ownedBy: endpoints })
    const service = cache.get(Service, name, namespace)
    const mirrored = service && !service.spec.selector && isMirrored(endpoints)
    if (!mirrored && existing.length === 0) return
    const labels = { ...endpoints.metadata.labels, [SERVICE_NAME]: name, [MANAGED_BY]: US }
    const { [LAST_APPLIED]: _, ...annotations } = endpoints.metadata.annotations ?? {}
    const write = sliceWriter(ctx, client, { kind: Endpoints, object: endpoints }, labels, annotations)
    for (const family of ['IPv4', 'IPv6'] as const) {
      const mine = existing.filter((slice) => slice.addressType === family)
      const desired = mirrored ? mirroredGroups(endpoints, family) : []
      await write(family, planSlices(desired, mine, labels, MAX_ENDPOINTS, false))
    }
  },
})

function isMirrored({ metadata: { labels, annotations } }: DeepReadonly<Endpoints>): boolean {
  return labels?.[SKIP] !== 'true' && annotations?.[LEADER] === undefined
}

/** Subsets with the same ports become one group; an address that is ready in any of them is ready. */
export function mirroredGroups(endpoints: DeepReadonly<Endpoints>, family: Family): PortGroup[] {
  const groups = new Map<string, { ports: PortGroup['ports']; byAddress: Map<string, Endpoint> }>()
  for (const subset of endpoints.subsets ?? []) {
    const ports = (subset.ports ?? []).map(({ name, protocol, ...port }) => ({
      name: name ?? '',
      protocol: protocol ?? ('TCP' as const),
      ...port,
    }))
    const key = JSON.stringify(ports)
    const group = groups.get(key) ?? { ports, byAddress: new Map() }
    let left = MAX_PER_SUBSET
    for (const ready of [true, false]) {
      for (const address of (ready ? subset.addresses : subset.notReadyAddresses) ?? []) {
        const { ip, hostname, nodeName, targetRef } = address
        if ((family === 'IPv6') !== ip.includes(':') || group.byAddress.get(ip)?.conditions?.ready || left-- <= 0)
          continue
        group.byAddress.set(ip, {
          addresses: [ip],
          conditions: { ready },
          ...(hostname ? { hostname } : {}),
          ...(nodeName ? { nodeName } : {}),
          ...(targetRef ? { targetRef } : {}),
        })
      }
    }
    if (group.byAddress.size > 0) groups.set(key, group)
  }
  return [...groups.values()].map(({ ports, byAddress }) => ({ ports, endpoints: [...byAddress.values()] }))
}

/** Whether Endpoints are mirrored depends on the Service of their name. */
function endpointsOfService(): Trigger<never> {
  const trigger: Trigger<Service> = { kind: Service, keys: (service) => [objectKey(service)] }
  return trigger as unknown as Trigger<never>
}
