// The objects of one kind by key, by namespace and by the uid of their controlling owner. Plain and synchronous.
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'
import type { Selection } from './cache.ts'

type Indexed = DeepReadonly<KubeObject>

export class ObjectIndex {
  readonly #objects = new Map<string, Indexed>()
  readonly #byNamespace = new Map<string, Set<Indexed>>()
  readonly #byOwnerUid = new Map<string, Set<Indexed>>()
  /** All objects as an array, kept until the next change: listing everything is common and must not copy each time. */
  #all: readonly Indexed[] | undefined

  get(key: string): Indexed | undefined {
    return this.#objects.get(key)
  }

  keys(): Iterable<string> {
    return this.#objects.keys()
  }

  /** Returns what the key held before. */
  set(key: string, object: Indexed): Indexed | undefined {
    const old = this.delete(key)
    this.#objects.set(key, object)
    this.#all = undefined
    const { namespace } = object.metadata
    if (namespace) add(this.#byNamespace, namespace, object)
    const uid = controllerUid(object)
    if (uid) add(this.#byOwnerUid, uid, object)
    return old
  }

  /** Returns what the key held. */
  delete(key: string): Indexed | undefined {
    const old = this.#objects.get(key)
    if (!old) return undefined
    this.#objects.delete(key)
    this.#all = undefined
    const { namespace } = old.metadata
    if (namespace) remove(this.#byNamespace, namespace, old)
    const uid = controllerUid(old)
    if (uid) remove(this.#byOwnerUid, uid, old)
    return old
  }

  list({ namespace, ownedBy }: Selection = {}): readonly Indexed[] {
    if (ownedBy) {
      const owned = [...(this.#byOwnerUid.get(ownedBy.metadata.uid) ?? [])]
      return namespace ? owned.filter((object) => object.metadata.namespace === namespace) : owned
    }
    if (namespace) return [...(this.#byNamespace.get(namespace) ?? [])]
    this.#all ??= [...this.#objects.values()]
    return this.#all
  }
}

function controllerUid(object: Indexed): string | undefined {
  return object.metadata.ownerReferences?.find((ref) => ref.controller)?.uid
}

function add(index: Map<string, Set<Indexed>>, key: string, object: Indexed): void {
  const set = index.get(key)
  if (set) set.add(object)
  else index.set(key, new Set([object]))
}

function remove(index: Map<string, Set<Indexed>>, key: string, object: Indexed): void {
  const set = index.get(key)
  set?.delete(object)
  if (set?.size === 0) index.delete(key)
}
