// What a node may do: the rules all nodes share, its own Lease and CSINode, and of Secrets, ConfigMaps, volumes and account tokens only
// those that pods on it use. k8s: the Node authoriser. That a node changes only its own Node and pods is admission's part.

import { PersistentVolume } from '../../api/kinds/persistent-volume.ts'
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { UserInfo } from '../../api/wire.ts'
import { PodsByNode } from '../pods-by-node.ts'
import { prefixOf } from '../storage/keys.ts'
import type { Entry, Store } from '../storage/store.ts'
import type { Attributes, Opinion } from './attributes.ts'
import { NODE_RULES } from './node-rules.ts'
import { podReferences } from './pod-references.ts'
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
  readonly #claimByVolume = new Map<string, string>()
  #follower: { close(): void } | undefined

  private constructor(podsByNode: PodsByNode) {
    this.podsByNode = podsByNode
  }

  static async open(store: Store): Promise<NodeAuthorizer> {
    const authorizer = new NodeAuthorizer(await PodsByNode.open(store))
    const volumes = prefixOf(PersistentVolume)
    const { entries, revision } = await store.list(volumes)
    for (const entry of entries) authorizer.#setVolume(entry, true)
    authorizer.#follower = store.follow(volumes, revision, ({ type, entry }) =>
      authorizer.#setVolume(entry, type === 'put'),
    )
    return authorizer
  }

  close(): void {
    this.#follower?.close()
    this.podsByNode.close()
  }

  authorize(user: UserInfo, attributes: Attributes): Opinion {
    const node = nodeNameOf(user)
    if (node === undefined) return undefined
    const { group, resource, subresource, verb, namespace, name } = attributes
    if (!attributes.isResource) return undefined
    switch (`${group}/${resource}`) {
      case '/secrets':
      case '/configmaps':
        return this.#related(node, attributes, ['get', 'list', 'watch'])
      case '/persistentvolumeclaims':
        return subresource === 'status' ? byRules(attributes) : this.#related(node, attributes, ['get'])
      case '/persistentvolumes':
        return this.#related(node, attributes, ['get'])
      case '/serviceaccounts':
        return this.#related(node, attributes, subresource === 'token' ? ['create'] : ['get'])
      case 'coordination.k8s.io/leases':
        if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb))
          return refused('can only get, create, update, patch, or delete a node lease')
        if (namespace !== LEASE_NAMESPACE)
          return refused(`can only access leases in the "${LEASE_NAMESPACE}" system namespace`)
        // The name of what is created isn't known here; admission looks at it.
        return verb !== 'create' && name !== node
          ? refused('can only access node lease with the same name as the requesting node')
          : ALLOWED
      case 'storage.k8s.io/csinodes':
        if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb))
          return refused('can only get, create, update, patch, or delete a CSINode')
        return verb !== 'create' && name !== node
          ? refused('can only access CSINode with the same name as the requesting node')
          : ALLOWED
    }
    return byRules(attributes)
  }

  #related(node: string, attributes: Attributes, verbs: readonly string[]): Opinion {
    const { resource, subresource, verb, namespace, name } = attributes
    if (!verbs.includes(verb) || (subresource !== '' && subresource !== 'token'))
      return refused(`cannot ${verb} this object`)
    if (name === '') return refused('no object name found')
    for (const { object } of this.podsByNode.on(node)) {
      const pod = object as DeepReadonly<Pod>
      if (pod.spec?.nodeName === node && this.#uses(pod, resource, namespace, name)) return ALLOWED
    }
    return refused(`no relationship found between node '${node}' and this object`)
  }

  #uses(pod: DeepReadonly<Pod>, resource: string, namespace: string, name: string): boolean {
    const own = pod.metadata.namespace
    const references = podReferences(pod)
    if (resource === 'persistentvolumes') {
      const claim = this.#claimByVolume.get(name)
      return claim !== undefined && [...references.claims].some((used) => `${own}/${used}` === claim)
    }
    if (own !== namespace) return false
    if (resource === 'secrets') return references.secrets.has(name)
    if (resource === 'configmaps') return references.configMaps.has(name)
    if (resource === 'serviceaccounts') return references.serviceAccount === name
    return references.claims.has(name)
  }

  #setVolume({ object }: Entry, present: boolean): void {
    const { metadata, spec } = object as PersistentVolume
    const claim = spec?.claimRef
    if (present && claim) this.#claimByVolume.set(metadata.name!, `${claim.namespace}/${claim.name}`)
    else this.#claimByVolume.delete(metadata.name!)
  }
}

const ALLOWED: Opinion = { allowed: true, reason: '' }
const refused = (reason: string): Opinion => ({ allowed: false, reason })

function byRules(attributes: Attributes): Opinion {
  return NODE_RULES.some((rule) => ruleAllows(rule, attributes)) ? ALLOWED : undefined
}
