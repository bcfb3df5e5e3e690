// A pod that names a RuntimeClass: the class must exist, and gives the pod its overhead and where its nodes are.
// k8s: what the pod says itself must not contradict the class.
import { Pod } from '../../api/kinds/pod.ts'
import { RuntimeClass } from '../../api/kinds/runtime-class.ts'
import { semanticEqual } from '../../api/meta/equality.ts'
import { forbidden } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import { refOf } from '../registry/call.ts'
import type { AdmissionPlugin } from './admission.ts'
import { isKind, type Lookup } from './lookup.ts'

export function runtimeClass(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'RuntimeClass',
    concerns: (kind) => isKind(kind, Pod),
    async mutate({ kind, operation, subresource, object, name }) {
      if (!isKind(kind, Pod) || operation !== 'CREATE' || subresource !== '') return
      const { spec } = object as unknown as Pod
      const { runtimeClassName } = spec
      const found = runtimeClassName ? await lookup.get(RuntimeClass, runtimeClassName) : undefined
      const missing = runtimeClassName && !found
      const why = missing
        ? `pod rejected: RuntimeClass ${JSON.stringify(runtimeClassName)} not found`
        : applyRuntimeClass(spec, found)
      if (why) throw forbidden(refOf(kind), name, why)
    },
  }
}

/** Changes the spec; returns why the pod contradicts its class. */
export function applyRuntimeClass(
  spec: Pod['spec'],
  found: DeepReadonly<RuntimeClass> | undefined,
): string | undefined {
  const overhead = found?.overhead?.podFixed
  if (!overhead && spec.overhead) {
    return 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead'
  }
  if (spec.overhead && !semanticEqual(spec.overhead, overhead)) {
    return "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
  }
  const { nodeSelector = {}, tolerations = [] } = found?.scheduling ?? {}
  for (const [key, value] of Object.entries(nodeSelector)) {
    const own = Object.hasOwn(spec.nodeSelector ?? {}, key) ? spec.nodeSelector![key] : value
    if (own !== value) {
      return `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`
    }
  }
  if (overhead) spec.overhead = { ...overhead }
  if (Object.keys(nodeSelector).length > 0) spec.nodeSelector = { ...spec.nodeSelector, ...nodeSelector }
  for (const toleration of tolerations) {
    if (!spec.tolerations?.some((own) => semanticEqual(own, toleration))) {
      spec.tolerations = [...(spec.tolerations ?? []), cloneJson(toleration) as never]
    }
  }
  return undefined
}
