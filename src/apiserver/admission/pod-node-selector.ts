// Off by default. A namespace's annotation says on which nodes its pods may run; what a pod says itself must not contradict it.
import { Namespace } from '../../api/kinds/namespace.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { type AdmissionPlugin, refused } from './admission.ts'
import { isKind, type Lookup } from './lookup.ts'

const ANNOTATION = 'scheduler.alpha.kubernetes.io/node-selector'

export function podNodeSelector(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'PodNodeSelector',
    concerns: (kind) => isKind(kind, Pod),
    async mutate(request) {
      const { kind, operation, subresource, object, namespace } = request
      if (!isKind(kind, Pod) || operation !== 'CREATE' || subresource !== '') return
      const { spec } = object as unknown as Pod
      const text = (await lookup.get(Namespace, namespace))?.metadata.annotations?.[ANNOTATION]
      const wanted = parseLabels(text ?? '')
      if (!wanted) throw refused(request, `the annotation ${ANNOTATION} of namespace ${namespace} cannot be read`)
      const own = spec.nodeSelector ?? {}
      if (Object.entries(wanted).some(([key, value]) => Object.hasOwn(own, key) && own[key] !== value)) {
        throw refused(request, 'pod node label selector conflicts with its namespace node label selector')
      }
      if (Object.keys(wanted).length > 0) spec.nodeSelector = { ...own, ...wanted }
    },
  }
}

/** `a=b,c=d`; undefined when it is nothing like that. */
export function parseLabels(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {}
  for (const part of text.split(',').map((piece) => piece.trim())) {
    if (part === '') continue
    const [, key, value] = /^([^=\s]+)\s*=\s*([^=\s]*)$/.exec(part) ?? []
    if (key === undefined || value === undefined) return undefined
    labels[key] = value
  }
  return labels
}
