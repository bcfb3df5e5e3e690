// A node's agent may only touch what is its own: its Node, its lease, and pods that run on it. RBAC and the node authoriser say what
// kinds it may write; this says which objects. k8s: NodeRestriction's rules and sentences.
import { CertificateSigningRequest } from '../../api/kinds/certificate-signing-request.ts'
import { CSINode } from '../../api/kinds/csi-node.ts'
import { Lease } from '../../api/kinds/lease.ts'
import { Node } from '../../api/kinds/node.ts'
import { PersistentVolumeClaim } from '../../api/kinds/persistent-volume-claim.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { ResourceSlice } from '../../api/kinds/resource-slice.ts'
import { semanticEqual } from '../../api/meta/equality.ts'
import { forbidden, notFound } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { podReferences } from '../../api/meta/pod-references.ts'
import { parseCertificateRequest } from '../../base/certificate-request.ts'
import { nodeNameOf } from '../authz/node.ts'
import { refOf } from '../registry/call.ts'
import type { AdmissionPlugin, AdmissionRequest } from './admission.ts'
import { isKind, type Lookup } from './lookup.ts'
import { forbiddenNodeLabels } from './node-labels.ts'

export function nodeRestriction(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    validate(request) {
      const node = nodeNameOf(request.user)
      return node === undefined ? undefined : restrict(lookup, request, node)
    },
  }
}

async function restrict(lookup: Lookup, request: AdmissionRequest, node: string): Promise<void> {
  const why = await refusal(lookup, request, node)
  if (why) throw forbidden(refOf(request.kind), request.name, why)
}

async function refusal(lookup: Lookup, request: AdmissionRequest, node: string): Promise<string | undefined> {
  const { kind, operation, subresource, name, namespace, object, old } = request
  if (isKind(kind, Pod)) {
    if (subresource === '') return operation === 'CREATE' ? creation(lookup, request, node) : podRefusal(request, node)
    if (subresource === 'status') return podStatusRefusal(request, node)
    if (subresource === 'eviction') return evictionRefusal(lookup, request, node)
    return operation === 'UPDATE' ? `unexpected pod subresource ${quoted(subresource)}` : undefined
  }
  if (isKind(kind, Node)) return nodeRefusal(request, node)
  if (isKind(kind, PersistentVolumeClaim)) {
    if (subresource !== 'status') return `may only update PVC status`
    return claimRefusal(request, node)
  }
  if (isKind(kind, Lease)) {
    if (namespace !== 'kube-node-lease') return `can only access leases in the "kube-node-lease" system namespace`
    if (name !== node) return 'can only access node lease with the same name as the requesting node'
  }
  if (isKind(kind, CSINode) && name !== node) return 'can only access CSINode with the same name as the requesting node'
  if (isKind(kind, ResourceSlice) && (operation === 'CREATE' || operation === 'DELETE')) {
    const slice = (operation === 'CREATE' ? object : old) as unknown as ResourceSlice
    const verb = operation === 'CREATE' ? 'create' : 'delete'
    if (slice.spec.nodeName !== node)
      return `can only ${verb} ResourceSlice with the same NodeName as the requesting node`
  }
  if (isKind(kind, CertificateSigningRequest) && operation === 'CREATE' && subresource === '') {
    return requestRefusal(object as unknown as CertificateSigningRequest, node)
  }
  return undefined
}

const quoted = (text: string) => JSON.stringify(text)

/** Mirror pods: what the node runs by files of its own, shown to everybody. They refer to nothing else. */
async function creation(lookup: Lookup, { object }: AdmissionRequest, node: string): Promise<string | undefined> {
  const pod = object as unknown as DeepReadonly<Pod>
  const who = `node ${quoted(node)}`
  if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] === undefined) {
    return `pod does not have "kubernetes.io/config.mirror" annotation, ${who} can only create mirror pods`
  }
  if (pod.spec.nodeName !== node) return `${who} can only create pods with spec.nodeName set to itself`
  const [owner, ...others] = pod.metadata.ownerReferences ?? []
  const own = `${who} can only create pods with an owner reference set to itself`
  if (others.length > 0) return own
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) return own
  if (!owner.controller) return `${who} can only create pods with a controller owner reference set to itself`
  if (owner.blockOwnerDeletion) return `${who} must not set blockOwnerDeletion on an owner reference`
  const stored = await lookup.get(Node, node)
  if (!stored) throw notFound({ group: '', resource: 'nodes' }, node)
  if (stored.metadata.uid !== owner.uid) {
    return `node ${node} UID mismatch: expected ${owner.uid} got ${stored.metadata.uid}`
  }
  const refers = (what: string) => `${who} can not create pods that reference ${what}`
  if (pod.spec.serviceAccountName) return refers('a service account')
  const { secrets, configMaps } = podReferences(pod)
  if (secrets.size > 0) return refers('secrets')
  if (configMaps.size > 0) return refers('configmaps')
  if (pod.spec.volumes?.some((v) => v.projected?.sources?.some((s) => s.clusterTrustBundle))) {
    return refers('clustertrustbundles')
  }
  if (pod.spec.volumes?.some((v) => v.persistentVolumeClaim)) return refers('persistentvolumeclaims')
  return pod.spec.resourceClaims?.length ? refers('resourceclaims') : undefined
}

function podRefusal({ operation, old, name }: AdmissionRequest, node: string): string | undefined {
  if (operation === 'UPDATE') return `unexpected update of pod ${name} by node ${quoted(node)}`
  if (operation !== 'DELETE') return undefined
  const elsewhere = (old as DeepReadonly<Pod> | undefined)?.spec.nodeName !== node
  return elsewhere ? `node ${quoted(node)} can only delete pods with spec.nodeName set to itself` : undefined
}

function podStatusRefusal({ operation, object, old }: AdmissionRequest, node: string): string | undefined {
  if (operation !== 'UPDATE') return `unexpected operation ${quoted(operation)}`
  const [before, after] = [old, object] as unknown as [DeepReadonly<Pod>, DeepReadonly<Pod>]
  const who = `node ${quoted(node)}`
  if (before.spec.nodeName !== node) {
    return `${who} can only update pod status for pods with spec.nodeName set to itself`
  }
  if (!semanticEqual(before.metadata.labels ?? {}, after.metadata.labels ?? {})) {
    return `${who} cannot update labels through pod status`
  }
  const claims = (pod: DeepReadonly<Pod>) => pod.status?.resourceClaimStatuses ?? []
  return semanticEqual(claims(before), claims(after)) ? undefined : `${who} cannot update resource claim statues`
}

async function evictionRefusal(lookup: Lookup, { namespace, name }: AdmissionRequest, node: string) {
  const pod = await lookup.get(Pod, name, namespace)
  if (!pod) throw notFound({ group: '', resource: 'pods' }, name)
  return pod.spec.nodeName === node ? undefined : `node ${node} can only evict pods with spec.nodeName set to itself`
}

function nodeRefusal({ operation, name, object, old }: AdmissionRequest, node: string): string | undefined {
  const who = `node ${quoted(node)}`
  if (name !== node) return `${who} is not allowed to modify node ${quoted(name)}`
  if (operation === 'DELETE') return `${who} cannot delete node ${quoted(name)}`
  const after = object as unknown as DeepReadonly<Node>
  const before = old as DeepReadonly<Node> | undefined
  if (operation === 'UPDATE' && !semanticEqual(before?.spec?.taints ?? [], after.spec?.taints ?? [])) {
    return `${who} is not allowed to modify taints`
  }
  const bad = forbiddenNodeLabels(after.metadata.labels, before?.metadata.labels)
  if (bad.length === 0) return undefined
  return operation === 'CREATE'
    ? `${who} is not allowed to set the following labels: ${bad.join(', ')}`
    : `is not allowed to modify labels: ${bad.join(', ')}`
}

function claimRefusal({ operation, object, old }: AdmissionRequest, node: string): string | undefined {
  if (operation !== 'UPDATE') return `unexpected operation ${quoted(operation)}`
  const rest = (claim: unknown) => {
    const { metadata, spec, status = {} } = claim as PersistentVolumeClaim
    const { resourceVersion: _version, managedFields: _fields, ...kept } = metadata
    const { capacity: _capacity, conditions: _conditions, ...more } = status
    const { allocatedResources: _allocated, allocatedResourceStatuses: _statuses, ...others } = more
    return { metadata: kept, spec, status: others }
  }
  if (semanticEqual(rest(old), rest(object))) return undefined
  return `node ${quoted(node)} is not allowed to update fields other than status.quantity and status.conditions`
}

function requestRefusal({ spec }: CertificateSigningRequest, node: string): string | undefined {
  const own = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet']
  if (!own.includes(spec.signerName)) return undefined
  try {
    const { commonName } = parseCertificateRequest(Buffer.from(spec.request, 'base64').toString('latin1'))
    if (commonName === `system:node:${node}`) return undefined
  } catch (err) {
    return `unable to parse csr: ${(err as Error).message}`
  }
  return `can only create a node CSR with CN=system:node:${node}`
}
