// Who depends on whom: a node for every object that has owners or is being deleted in a way that concerns its dependents, and for every
// owner the objects that name it. Objects without owners cost nothing here. Synchronous; tells what has to be looked at.
import type { Kind } from '../../api/kinds/kind.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import type { OwnerReference } from '../../api/types/meta.v1.ts'

type AnyObject = DeepReadonly<KubeObject>
export type Owner = DeepReadonly<OwnerReference>

export const FOREGROUND = 'foregroundDeletion'
export const ORPHAN = 'orphan'

export interface GraphNode {
  readonly uid: string
  readonly kind: Kind<never>
  readonly namespace: string | undefined
  readonly name: string
  owners: readonly Owner[]
  /** How the object is being deleted, as far as its dependents are concerned. */
  deleting: 'foreground' | 'orphan' | undefined
}

const NONE: ReadonlySet<GraphNode> = new Set()

export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>()
  readonly #dependents = new Map<string, Set<GraphNode>>()

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid)
  }

  nodes(): Iterable<GraphNode> {
    return this.#nodes.values()
  }

  dependentsOf(uid: string): ReadonlySet<GraphNode> {
    return this.#dependents.get(uid) ?? NONE
  }

  /** Takes in an object as it is now. Returns the nodes that this makes worth a look. */
  put(kind: Kind<never>, object: AnyObject): GraphNode[] {
    const { uid, name, namespace, ownerReferences: owners = [] } = object.metadata
    const deleting = deletingOf(object)
    const known = this.#nodes.get(uid)
    if (owners.length === 0 && !deleting) return known ? this.#forget(known) : []
    const node = known ?? { uid, kind, name, namespace, owners: [], deleting: undefined }
    const [ownersBefore, deletingBefore] = [node.owners, node.deleting]
    node.owners = owners
    node.deleting = deleting
    this.#nodes.set(uid, node)
    const look = new Set<GraphNode>()
    if (ownersBefore !== owners) {
      for (const owner of ownersBefore) this.#unlink(owner, node, look)
      for (const owner of owners) this.#link(owner.uid, node)
      look.add(node)
    }
    if (deleting && deleting !== deletingBefore) {
      look.add(node)
      if (deleting === 'foreground') for (const dependent of this.dependentsOf(uid)) look.add(dependent)
    }
    return [...look]
  }

  /** The object is gone: whoever depended on it, and owners that waited for it, are worth a look. */
  remove(uid: string): GraphNode[] {
    const node = this.#nodes.get(uid)
    const look = new Set(this.dependentsOf(uid))
    if (node) for (const waiting of this.#forget(node)) look.add(waiting)
    return [...look]
  }

  #forget(node: GraphNode): GraphNode[] {
    const look = new Set<GraphNode>()
    this.#nodes.delete(node.uid)
    for (const owner of node.owners) this.#unlink(owner, node, look)
    node.owners = []
    return [...look]
  }

  #link(ownerUid: string, node: GraphNode): void {
    const set = this.#dependents.get(ownerUid)
    if (set) set.add(node)
    else this.#dependents.set(ownerUid, new Set([node]))
  }

  #unlink({ uid }: Owner, node: GraphNode, look: Set<GraphNode>): void {
    const set = this.#dependents.get(uid)
    set?.delete(node)
    if (set?.size === 0) this.#dependents.delete(uid)
    const owner = this.#nodes.get(uid)
    if (owner?.deleting) look.add(owner)
  }
}

function deletingOf({ metadata }: AnyObject): GraphNode['deleting'] {
  if (!metadata.deletionTimestamp || !metadata.finalizers) return undefined
  if (metadata.finalizers.includes(FOREGROUND)) return 'foreground'
  return metadata.finalizers.includes(ORPHAN) ? 'orphan' : undefined
}
