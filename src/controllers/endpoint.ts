// Keeps the Endpoints object of every Service that selects pods: the older, single-object form of EndpointSlices. Endpoints that a user
// made for a Service without selector are left alone while the Service exists, and go with it.
import { Endpoints } from '../api/kinds/endpoints.ts'
import type { Kind } from '../api/kinds/kind.ts'
import { Pod } from '../api/kinds/pod.ts'
import { Service } from '../api/kinds/service.ts'
import { semanticEqual } from '../api/meta/equality.ts'
import { isAlreadyExists, isNotFound } from '../api/meta/errors.ts'
import { objectKey, parseKey } from '../api/meta/object.ts'
import { defineController, type Trigger } from './controller.ts'
import { selectedPods, servicesOfPods } from './endpoints/desired.ts'
import { sliceLabels, TRIGGER_TIME, triggerTime } from './endpoints/slices.ts'
import { desiredSubsets } from './endpoints/subsets.ts'
import { isNamespaceTerminating } from './replicas/sync.ts'

const MANAGED_BY = 'endpoints.kubernetes.io/managed-by'
const US = 'endpoint-controller'
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity'

/** Ours, and those that stand beside a Service; others are nobody's business. */
const ownEndpoints: Trigger<Endpoints> = {
  kind: Endpoints,
  keys({ metadata }, _old, cache) {
    const { name, namespace, labels } = metadata
    const concerned = labels?.[MANAGED_BY] === US || cache.get(Service, name, namespace)
    return concerned ? [objectKey({ metadata })] : []
  },
}

export const endpoint = defineController<Service>({
  name: 'endpoint',
  kind: Service,
  triggers: [servicesOfPods(), ownEndpoints as unknown as Trigger<never>],
  reads: [Pod as unknown as Kind<never>],
  async sync(ctx, service, key, { client, cache }) {
    const { name, namespace } = parseKey(key)
    const current = cache.get(Endpoints, name, namespace)
    if (!service) {
      if (!current) return
      await client.delete(ctx, Endpoints, { name, namespace }).catch((err) => {
        if (!isNotFound(err)) throw err
      })
      return
    }
    if (service.spec.type === 'ExternalName' || !service.spec.selector || service.metadata.deletionTimestamp) return
    const pods = selectedPods(service, cache)
    const { subsets, truncated } = desiredSubsets(service, pods)
    const labels = { ...sliceLabels(service), [MANAGED_BY]: US }
    const { [OVER_CAPACITY]: over, ...annotations } = current?.metadata.annotations ?? {}
    const unchanged =
      current &&
      semanticEqual(current.subsets, subsets) &&
      semanticEqual(current.metadata.labels ?? {}, labels) &&
      (over === 'truncated') === truncated
    if (unchanged) return
    const metadata = {
      labels,
      annotations: {
        ...annotations,
        [TRIGGER_TIME]: triggerTime(service, pods),
        ...(truncated ? { [OVER_CAPACITY]: 'truncated' } : {}),
      },
    }
    if (current) {
      await client.update(ctx, Endpoints, { ...current, metadata: { ...current.metadata, ...metadata }, subsets })
      return
    }
    try {
      await client.create(ctx, Endpoints, { metadata: { ...metadata, name, namespace }, subsets })
    } catch (err) {
      // It is there but not in the cache yet: its event brings the key back.
      if (!isAlreadyExists(err) && !isNamespaceTerminating(err)) throw err
    }
  },
})
