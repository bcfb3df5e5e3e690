// Read, change, write: done over with the newest object when somebody else wrote in between.
import type { Kind } from '../api/kinds/kind.ts'
import { isConflict } from '../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'
import type { Ctx } from '../base/ctx.ts'
import type { Client, WriteOptions } from './client.ts'

const ATTEMPTS = 5

/**
 * Writes what `change` makes of the live object; nothing when it returns undefined. Returns the object as it is afterwards.
 * @throws the last Conflict after five attempts; anything else at once
 */
export async function updateLive<T extends KubeObject>(
  ctx: Ctx,
  client: Client,
  kind: Kind<T>,
  target: { name: string; namespace?: string },
  change: (live: DeepReadonly<T>) => DeepReadonly<T> | undefined,
  options?: WriteOptions,
): Promise<DeepReadonly<T>> {
  for (let attempt = 1; ; attempt++) {
    const live = await client.get(ctx, kind, target.name, target.namespace)
    const wanted = change(live)
    if (!wanted) return live
    try {
      return await client.update(ctx, kind, wanted, options)
    } catch (err) {
      if (!isConflict(err) || attempt === ATTEMPTS) throw err
    }
  }
}
