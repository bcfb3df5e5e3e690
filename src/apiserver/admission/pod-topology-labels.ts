// A pod that is bound to a node gets the labels that say where the node is, so that it can read them itself.
import { Node } from '../../api/kinds/node.ts'
import { Pod } from '../../api/kinds/pod.ts'
import type { Binding } from '../../api/types/core.v1.ts'
import type { AdmissionPlugin } from './admission.ts'
import { isKind, type Lookup } from './lookup.ts'

const COPIED = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region']

export function podTopologyLabels(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'PodTopologyLabels',
    concerns: (kind) => isKind(kind, Pod),
    async mutate({ kind, operation, subresource, object }) {
      if (!isKind(kind, Pod) || operation !== 'CREATE') return
      if (subresource !== 'binding' && subresource !== '') return
      const nodeName =
        subresource === 'binding'
          ? (object as unknown as Binding).target?.name
          : (object as unknown as Pod).spec?.nodeName
      const node = nodeName ? await lookup.get(Node, nodeName) : undefined
      for (const key of COPIED) {
        const value = node?.metadata.labels?.[key]
        if (value === undefined || object!.metadata.labels?.[key] !== undefined) continue
        object!.metadata.labels = { ...object!.metadata.labels, [key]: value }
      }
    },
  }
}
