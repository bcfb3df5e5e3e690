// Off by default. A pod may keep others off its node, but not off a whole zone or more.
import { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { type AdmissionPlugin, refused } from './admission.ts'
import { isKind } from './lookup.ts'

const HOSTNAME = 'kubernetes.io/hostname'

export const limitPodHardAntiAffinityTopology: AdmissionPlugin = {
  name: 'LimitPodHardAntiAffinityTopology',
  concerns: (kind) => isKind(kind, Pod),
  validate(request) {
    const { kind, operation, subresource, object } = request
    if (!isKind(kind, Pod) || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return
    const { affinity } = (object as unknown as DeepReadonly<Pod>).spec
    const terms = affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
    const wide = terms.find(({ topologyKey }) => topologyKey !== HOSTNAME)
    if (!wide) return
    const why = `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${wide.topologyKey} but only key ${HOSTNAME} is allowed`
    throw refused(request, why)
  },
}
