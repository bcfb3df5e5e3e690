// A trigger for adoption: an object that nobody controls concerns every owner in its namespace whose selector matches it.
import type { Kind } from '../api/kinds/kind.ts'
import { matches, type Selector } from '../api/meta/label-selector.ts'
import { type DeepReadonly, type KubeObject, objectKey } from '../api/meta/object.ts'
import { controllerOf } from '../api/meta/owners.ts'
import type { Cache } from '../client/cache.ts'
import type { Trigger } from './controller.ts'

export function orphaned<C extends KubeObject, O extends KubeObject>(
  kind: Kind<C>,
  owner: Kind<O>,
  selectorOf: (owner: DeepReadonly<O>) => Selector,
): Trigger<never> {
  const trigger: Trigger<C> = {
    kind,
    keys(object, _old, cache: Cache) {
      const { namespace, labels } = object.metadata as KubeObject['metadata']
      if (controllerOf(object as DeepReadonly<KubeObject>) || !labels) return []
      return cache
        .list(owner, { namespace })
        .filter((candidate) => matches(selectorOf(candidate), labels))
        .map((candidate) => objectKey(candidate as DeepReadonly<KubeObject>))
    },
  }
  return trigger as unknown as Trigger<never>
}
