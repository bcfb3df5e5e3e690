// Reading other objects on the way: typed, straight from the store (its state is in memory).
import type { Kind } from '../../api/kinds/kind.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import { keyOf, prefixOf } from '../storage/keys.ts'
import type { Store } from '../storage/store.ts'

export class Lookup {
  readonly store: Store

  constructor(store: Store) {
    this.store = store
  }

  async get<T extends KubeObject>(
    kind: Kind<T>,
    name: string,
    namespace?: string,
  ): Promise<DeepReadonly<T> | undefined> {
    const entry = await this.store.get(keyOf(kind as never, namespace, name))
    return entry?.object as DeepReadonly<T> | undefined
  }

  async list<T extends KubeObject>(kind: Kind<T>, namespace?: string): Promise<DeepReadonly<T>[]> {
    const { entries } = await this.store.list(prefixOf(kind as never, namespace))
    return entries.map((entry) => entry.object as DeepReadonly<T>)
  }
}

export const isKind = <T extends KubeObject>(kind: Kind, wanted: Kind<T>) => (kind as unknown) === wanted
