// A node's agent may only touch what is its own: its Node, its lease, and pods that run on it. RBAC and the node authoriser say what
// kinds it may write; this says which objects.
import { Lease } from '../../api/kinds/lease.ts'
import { Node } from '../../api/kinds/node.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { forbidden } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { nodeNameOf } from '../authz/node.ts'
import { refOf } from '../registry/call.ts'
import type { AdmissionPlugin, AdmissionRequest } from './admission.ts'
import { isKind } from './lookup.ts'

export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  validate(request) {
    const node = nodeNameOf(request.user)
    if (node === undefined) return
    const why = refusal(request, node)
    if (why) throw forbidden(refOf(request.kind), request.name, why)
  },
}

function refusal(request: AdmissionRequest, node: string): string | undefined {
  const { kind, operation, name, namespace } = request
  if (isKind(kind, Pod)) return podRefusal(request, node)
  if (isKind(kind, Node)) {
    if (name !== node) return `node ${JSON.stringify(node)} is not allowed to modify node ${JSON.stringify(name)}`
    if (operation === 'DELETE') return `node ${JSON.stringify(node)} cannot delete node ${JSON.stringify(name)}`
    return labelRefusal(request, node)
  }
  if (isKind(kind, Lease)) {
    if (namespace !== 'kube-node-lease') return `can only access leases in the "kube-node-lease" system namespace`
    if (name !== node) return 'can only access node lease with the same name as the requesting node'
  }
  return undefined
}

function podRefusal({ operation, object, old, name, subresource }: AdmissionRequest, node: string): string | undefined {
  const pod = (old ?? object) as DeepReadonly<Pod> | undefined
  const elsewhere = pod?.spec.nodeName !== node
  if (operation === 'CREATE') {
    if (subresource === 'eviction') return undefined
    if (pod?.metadata.annotations?.['kubernetes.io/config.mirror'] === undefined) {
      return `pod does not have "kubernetes.io/config.mirror" annotation, node ${JSON.stringify(node)} can only create mirror pods`
    }
    return elsewhere ? `node ${JSON.stringify(node)} can only create pods with spec.nodeName set to itself` : undefined
  }
  if (operation === 'DELETE' && elsewhere) {
    return `node ${JSON.stringify(node)} can only delete pods with spec.nodeName set to itself`
  }
  if (operation === 'UPDATE') {
    if (subresource !== 'status') return `unexpected update of pod ${name} by node ${JSON.stringify(node)}`
    if (elsewhere)
      return `node ${JSON.stringify(node)} can only update pod status for pods with spec.nodeName set to itself`
  }
  return undefined
}

const RESERVED = /(^|\.)node-restriction\.kubernetes\.io\//

function labelRefusal({ object, old }: AdmissionRequest, node: string): string | undefined {
  const labels = object?.metadata.labels ?? {}
  const before = old?.metadata.labels ?? {}
  const changed = Object.keys(labels).filter((key) => RESERVED.test(key) && labels[key] !== before[key])
  return changed.length > 0
    ? `is not allowed to modify labels: ${changed.sort().join(', ')} (node ${JSON.stringify(node)})`
    : undefined
}
