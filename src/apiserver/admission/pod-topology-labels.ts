// A pod that is bound to a node gets the labels that say where the node is, so that it can read them itself.
import { Node } from '../../api/kinds/node.ts'
import { Pod } from '../../api/kinds/pod.ts'
import type { AdmissionPlugin } from './admission.ts'
import { isKind, type Lookup } from './lookup.ts'

const COPIED = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region']

export function podTopologyLabels(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'PodTopologyLabels',
    async mutate({ kind, operation, subresource, object }) {
      if (!isKind(kind, Pod)) return
      if (subresource !== 'binding' && (subresource !== '' || operation !== 'CREATE')) return
      const pod = object as unknown as Pod
      const node = pod.spec?.nodeName ? await lookup.get(Node, pod.spec.nodeName) : undefined
      for (const key of COPIED) {
        const value = node?.metadata.labels?.[key]
        if (value === undefined || pod.metadata.labels?.[key] !== undefined) continue
        pod.metadata.labels = { ...pod.metadata.labels, [key]: value }
      }
    },
  }
}
