// What a node may do: the rules all nodes share, its own Node, Lease and CSINode, the pods that run on it, and of Secrets, ConfigMaps,
// volumes and account tokens only those that these use. k8s: the Node authoriser. That a node changes only its own Node and pods is admission's part.

import { PersistentVolume } from '../../api/kinds/persistent-volume.ts'
import type { Pod } from '../../api/kinds/pod.ts'
import { ResourceSlice } from '../../api/kinds/resource-slice.ts'
import { VolumeAttachment } from '../../api/kinds/volume-attachment.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { podReferences } from '../../api/meta/pod-references.ts'
import type { UserInfo } from '../../api/wire.ts'
import { PodsByNode } from '../pods-by-node.ts'
import { type Located, prefixOf } from '../storage/keys.ts'
import type { Entry, Store } from '../storage/store.ts'
import type { Attributes, Opinion } from './attributes.ts'
import { NODE_RULES } from './node-rules.ts'
import { ruleAllows } from './rules.ts'

const USER_PREFIX = 'system:node:'
const NODES_GROUP = 'system:nodes'
const LEASE_NAMESPACE = 'kube-node-lease'

/** The node that a user is, or undefined. */
export function nodeNameOf(user: UserInfo): string | undefined {
  const isNode = user.name.startsWith(USER_PREFIX) && user.groups.includes(NODES_GROUP)
  return isNode ? user.name.slice(USER_PREFIX.length) : undefined
}

export class NodeAuthorizer {
  readonly podsByNode: PodsByNode
  /** `namespace/claim` by volume. */
  readonly #volumes = new Map<string, { readonly claim: string; readonly secret: string | undefined }>()
  readonly #nodeByAttachment = new Map<string, string>()
  readonly #nodeBySlice = new Map<string, string>()
  readonly #followers: { close(): void }[] = []

  private constructor(podsByNode: PodsByNode) {
    this.podsByNode = podsByNode
  }

  static async open(store: Store): Promise<NodeAuthorizer> {
    const authorizer = new NodeAuthorizer(await PodsByNode.open(store))
    const parts: [Located, (entry: Entry, present: boolean) => void][] = [
      [PersistentVolume, (entry, present) => authorizer.#setVolume(entry, present)],
      [VolumeAttachment, ({ object }, present) => authorizer.#setNode(authorizer.#nodeByAttachment, object, present)],
      [ResourceSlice, ({ object }, present) => authorizer.#setNode(authorizer.#nodeBySlice, object, present)],
    ]
    for (const [kind, set] of parts) {
      const { entries, revision } = await store.list(prefixOf(kind))
      for (const entry of entries) set(entry, true)
      authorizer.#followers.push(
        store.follow(prefixOf(kind), revision, ({ type, entry }) => set(entry, type === 'put')),
      )
    }
    return authorizer
  }

  close(): void {
    for (const follower of this.#followers) follower.close()
    this.podsByNode.close()
  }

  authorize(user: UserInfo, attributes: Attributes): Opinion {
    const node = nodeNameOf(user)
    if (node === undefined) return undefined
    const { group, resource, subresource, verb, name } = attributes
    if (!attributes.isResource) return undefined
    switch (`${group}/${resource}`) {
      case '/secrets':
      case '/configmaps':
        return this.#readNamespaced(node, attributes)
      case '/persistentvolumeclaims':
        if (subresource !== 'status') return this.#getOnly(node, attributes)
        if (verb !== 'update' && verb !== 'patch') return refused('can only get/update/patch this type')
        return this.#related(node, attributes)
      case '/persistentvolumes':
        return this.#getOnly(node, attributes)
      case 'resource.k8s.io/resourceclaims':
      case 'storage.k8s.io/volumeattachments':
        return this.#getOnly(node, attributes)
      case '/serviceaccounts':
        if (verb === 'get' && subresource === '') return this.#related(node, attributes)
        if (verb !== 'create' || name === '') return refused('can only create tokens for individual service accounts')
        if (subresource !== 'token') return refused('can only create token subresource of serviceaccount')
        return this.#related(node, attributes)
      case 'coordination.k8s.io/leases':
        return ownLease(node, attributes)
      case 'storage.k8s.io/csinodes':
        return ownCsiNode(node, attributes)
      case 'resource.k8s.io/resourceslices':
        return this.#resourceSlice(node, attributes)
      case '/nodes':
        return ownNode(node, attributes)
      case '/pods':
        return this.#pod(node, attributes)
    }
    return byRules(attributes)
  }

  #readNamespaced(node: string, attributes: Attributes): Opinion {
    const { verb, subresource, namespace } = attributes
    if (verb !== 'get' && verb !== 'list' && verb !== 'watch') return refused('can only read resources of this type')
    if (subresource !== '') return refused('cannot read subresource')
    if (namespace === '') return refused('can only read namespaced object of this type')
    return this.#related(node, attributes)
  }

  #getOnly(node: string, attributes: Attributes): Opinion {
    if (attributes.verb !== 'get') return refused('can only get individual resources of this type')
    if (attributes.subresource !== '') return refused('cannot get subresource')
    return this.#related(node, attributes)
  }

  #related(node: string, { resource, namespace, name }: Attributes): Opinion {
    if (name === '') return refused('No Object name found')
    if (resource === 'volumeattachments') {
      if (this.#nodeByAttachment.get(name) === node) return ALLOWED
    } else if (resource === 'pods') {
      for (const { object } of this.podsByNode.on(node)) {
        const pod = object as DeepReadonly<Pod>
        const same = pod.metadata.name === name && pod.metadata.namespace === namespace
        if (same && pod.spec?.nodeName === node) return ALLOWED
      }
    } else {
      for (const { object } of this.podsByNode.on(node)) {
        const pod = object as DeepReadonly<Pod>
        if (pod.spec?.nodeName === node && this.#uses(pod, resource, namespace, name)) return ALLOWED
      }
    }
    return refused(`no relationship found between node '${node}' and this object`)
  }

  /** k8s: reads are narrowed to what runs here; what is written, admission looks at. */
  #pod(node: string, attributes: Attributes): Opinion {
    const { verb, subresource, name, fieldSelector } = attributes
    if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOWED : undefined
    if (subresource === 'eviction') return verb === 'create' ? ALLOWED : undefined
    if (subresource !== '') return undefined
    switch (verb) {
      case 'get':
        return this.#getOnly(node, attributes)
      case 'list':
      case 'watch':
        if (selectsNode(fieldSelector, node)) return ALLOWED
        return name === ''
          ? refused('can only list/watch pods with spec.nodeName field selector')
          : this.#related(node, attributes)
      case 'create':
      case 'delete':
        return ALLOWED
    }
    return undefined
  }

  /** k8s: what is created is looked at by admission; lists are narrowed to the node by the drivers' field selector. */
  #resourceSlice(node: string, { subresource, verb, name, fieldSelector }: Attributes): Opinion {
    if (subresource !== '') return refused('cannot authorize ResourceSlice subresources')
    switch (verb) {
      case 'create':
        return ALLOWED
      case 'get':
      case 'update':
      case 'patch':
      case 'delete':
        if (this.#nodeBySlice.get(name) === node) return ALLOWED
        return refused(`no relationship found between node '${node}' and this object`)
      case 'watch':
      case 'list':
      case 'deletecollection':
        if (selectsNode(fieldSelector, node)) return ALLOWED
        return refused('can only list/watch/deletecollection resourceslices with nodeName field selector')
    }
    return refused(
      'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection',
    )
  }

  #uses(pod: DeepReadonly<Pod>, resource: string, namespace: string, name: string): boolean {
    const own = pod.metadata.namespace
    const references = podReferences(pod)
    if (resource === 'persistentvolumes') {
      return this.#claimsOf(references.claims, own, this.#volumes.get(name)?.claim)
    }
    if (resource === 'secrets' && this.#throughVolume(references.claims, own, `${namespace}/${name}`)) return true
    if (own !== namespace) return false
    if (resource === 'secrets') return references.secrets.has(name)
    if (resource === 'resourceclaims') return references.resourceClaims.has(name)
    if (resource === 'configmaps') return references.configMaps.has(name)
    if (resource === 'serviceaccounts') return references.serviceAccount === name
    return references.claims.has(name)
  }

  #claimsOf(claims: ReadonlySet<string>, namespace: string | undefined, wanted: string | undefined): boolean {
    if (wanted === undefined) return false
    for (const claim of claims) if (`${namespace}/${claim}` === wanted) return true
    return false
  }

  /** A volume's driver may need a Secret that the volume names. */
  #throughVolume(claims: ReadonlySet<string>, namespace: string | undefined, secret: string): boolean {
    if (claims.size === 0) return false
    for (const volume of this.#volumes.values()) {
      if (volume.secret === secret && this.#claimsOf(claims, namespace, volume.claim)) return true
    }
    return false
  }

  #setNode(nodes: Map<string, string>, object: Entry['object'], present: boolean): void {
    const { metadata, spec } = object as { metadata: { name?: string }; spec?: { nodeName?: string } }
    if (present && spec?.nodeName) nodes.set(metadata.name!, spec.nodeName)
    else nodes.delete(metadata.name!)
  }

  #setVolume({ object }: Entry, present: boolean): void {
    const { metadata, spec } = object as PersistentVolume
    const ref = spec?.claimRef
    if (!present || !ref) {
      this.#volumes.delete(metadata.name!)
      return
    }
    const used = spec.csi?.nodePublishSecretRef ?? spec.csi?.nodeStageSecretRef ?? spec.flexVolume?.secretRef
    const secret = used?.name ? `${used.namespace ?? ref.namespace}/${used.name}` : undefined
    this.#volumes.set(metadata.name!, { claim: `${ref.namespace}/${ref.name}`, secret })
  }
}

const OWN_VERBS = ['get', 'create', 'update', 'patch', 'delete']

function ownLease(node: string, { verb, namespace, name }: Attributes): Opinion {
  if (!OWN_VERBS.includes(verb)) return refused('can only get, create, update, patch, or delete a node lease')
  if (namespace !== LEASE_NAMESPACE)
    return refused(`can only access leases in the "${LEASE_NAMESPACE}" system namespace`)
  // The name of what is created isn't known here; admission looks at it.
  if (verb === 'create' || name === node) return ALLOWED
  return refused('can only access node lease with the same name as the requesting node')
}

function ownCsiNode(node: string, { verb, subresource, name }: Attributes): Opinion {
  if (!OWN_VERBS.includes(verb)) return refused('can only get, create, update, patch, or delete a CSINode')
  if (subresource !== '') return refused('cannot authorize CSINode subresources')
  if (verb === 'create' || name === node) return ALLOWED
  return refused('can only access CSINode with the same name as the requesting node')
}

/** k8s: the name is compared and not looked up: an agent asks for its Node before there is one. */
function ownNode(node: string, { verb, subresource, name }: Attributes): Opinion {
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOWED : undefined
  if (subresource !== '') return undefined
  switch (verb) {
    case 'create':
    case 'update':
    case 'patch':
      return ALLOWED
    case 'get':
    case 'list':
    case 'watch':
      if (name === node) return ALLOWED
      return refused(`node '${node}' cannot read ${name === '' ? 'all nodes' : `'${name}'`}, only its own Node object`)
  }
  return undefined
}

const selectsNode = (fieldSelector = '', node: string): boolean =>
  fieldSelector.split(',').some((term) => term.replace('==', '=') === `spec.nodeName=${node}`)

const ALLOWED: Opinion = { allowed: true, reason: '' }
const refused = (reason: string): Opinion => ({ allowed: false, reason })

function byRules(attributes: Attributes): Opinion {
  return NODE_RULES.some((rule) => ruleAllows(rule, attributes)) ? ALLOWED : undefined
}
