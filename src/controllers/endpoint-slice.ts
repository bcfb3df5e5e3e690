// Keeps the EndpointSlices of every Service that selects pods. What the slices should hold is made from the pods (endpoints/desired.ts),
// which slices change is decided with as few writes as possible (endpoints/slices.ts); this file performs it.
import { EndpointSlice } from '../api/kinds/endpoint-slice.ts'
import type { Kind } from '../api/kinds/kind.ts'
import { Node } from '../api/kinds/node.ts'
import { Pod } from '../api/kinds/pod.ts'
import { Service } from '../api/kinds/service.ts'
import { defineController, owned } from './controller.ts'
import { addressFamilies, desiredEndpoints, selectedPods, servicesOfNode, servicesOfPods } from './endpoints/desired.ts'
import { planSlices, SERVICE_NAME, sliceLabels, TRIGGER_TIME, triggerTime } from './endpoints/slices.ts'
import { sliceWriter } from './endpoints/write-slices.ts'

const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by'
const US = 'endpointslice-controller.k8s.io'
const MAX_ENDPOINTS = 100

export const endpointSlice = defineController<Service>({
  name: 'endpoint-slice',
  kind: Service,
  triggers: [owned(EndpointSlice, Service as unknown as Kind<never>), servicesOfPods(), servicesOfNode()],
  async sync(ctx, service, _key, { client, cache }) {
    // The slices of a Service that is gone follow it by their owner reference.
    if (!service || service.metadata.deletionTimestamp) return
    if (service.spec.type === 'ExternalName' || !service.spec.selector) return
    const { name, namespace } = service.metadata
    const existing = cache
      .list(EndpointSlice, { namespace })
      .filter(({ metadata: { labels } }) => labels?.[SERVICE_NAME] === name && labels[MANAGED_BY] === US)
    const pods = selectedPods(service, cache)
    const zoneOf = (nodeName: string) =>
      cache.get(Node, nodeName)?.metadata.labels?.['topology.kubernetes.io/zone'] || undefined
    const families = addressFamilies(service)
    const labels = { ...sliceLabels(service), [SERVICE_NAME]: name, [MANAGED_BY]: US }
    const annotations = { [TRIGGER_TIME]: triggerTime(service, pods) }
    const write = sliceWriter(ctx, client, { kind: Service, object: service }, labels, annotations)
    for (const family of families) {
      const mine = existing.filter((slice) => slice.addressType === family)
      const desired = desiredEndpoints(service, pods, family, zoneOf)
      await write(family, planSlices(desired, mine, labels, MAX_ENDPOINTS))
    }
    const others = existing.filter((slice) => !families.includes(slice.addressType as never))
    await write('', { create: [], update: [], delete: others })
  },
  reads: [Pod as unknown as Kind<never>],
})
