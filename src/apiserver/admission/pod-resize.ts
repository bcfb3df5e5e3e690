// Off by default: without it, the node says that a resize is infeasible.
// A pod that runs can't be resized to more than its node has for pods, nor on a node whose system can't do that.
import { Node } from '../../api/kinds/node.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { semanticEqual } from '../../api/meta/equality.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { podRequests } from '../../api/meta/pods.ts'
import { toMilli, toWhole } from '../../api/meta/quantity.ts'
import { type AdmissionPlugin, refused } from './admission.ts'
import { isKind, type Lookup } from './lookup.ts'

type AnyPod = DeepReadonly<Pod>

export function podResizeValidator(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'PodResizeValidator',
    concerns: (kind) => isKind(kind, Pod),
    async validate(request) {
      const { kind, operation, subresource } = request
      if (!isKind(kind, Pod) || operation !== 'UPDATE' || subresource !== 'resize') return
      const [pod, old] = [request.object as unknown as AnyPod, request.old as AnyPod]
      const { nodeName } = pod.spec
      if (!nodeName || semanticEqual(pod.spec, old.spec)) return
      const node = await lookup.get(Node, nodeName)
      const why = node ? resizeProblem(pod, node) : `node ${JSON.stringify(nodeName)} not found`
      if (why) throw refused(request, why)
    },
  }
}

export function resizeProblem(pod: AnyPod, node: DeepReadonly<Node>): string | undefined {
  const requests = podRequests(pod)
  const { allocatable = {} } = node.status ?? {}
  const problems: string[] = []
  for (const [name, amountOf] of [
    ['cpu', toMilli],
    ['memory', toWhole],
  ] as const) {
    const [requested, available] = [amountOf(requests[name] ?? '0'), amountOf(allocatable[name] ?? '0')]
    if (requested > available) problems.push(`${name}, requested: ${requested}, allocatable: ${available}`)
  }
  if (problems.length > 0) return `Node didn't have enough allocatable resources: ${problems.join('; ')}`
  const system = node.metadata.labels?.['kubernetes.io/os'] ?? ''
  if (system === 'linux') return undefined
  return `pod resize is only supported on linux nodes, node ${JSON.stringify(node.metadata.name)} is ${JSON.stringify(system)}`
}
