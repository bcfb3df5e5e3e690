// Creating what must exist in every namespace, where it may exist already and the namespace may be going away.
import type { Kind } from '../api/kinds/kind.ts'
import type { Namespace } from '../api/kinds/namespace.ts'
import { isAlreadyExists, isNotFound } from '../api/meta/errors.ts'
import type { DeepReadonly, KubeObject, NewObject } from '../api/meta/object.ts'
import type { Ctx } from '../base/ctx.ts'
import type { Client } from '../client/client.ts'
import type { Trigger } from './controller.ts'
import { isNamespaceTerminating } from './replicas/sync.ts'

export const isActiveNamespace = (namespace: DeepReadonly<Namespace> | undefined) =>
  namespace !== undefined && !namespace.metadata.deletionTimestamp && namespace.status?.phase !== 'Terminating'

/** Somebody else having been quicker is fine, and so is a namespace that goes away or is gone. */
export async function ensureCreated<T extends KubeObject>(
  ctx: Ctx,
  client: Client,
  kind: Kind<T>,
  object: NewObject<T>,
): Promise<void> {
  try {
    await client.create(ctx, kind, object)
  } catch (err) {
    if (!isAlreadyExists(err) && !isNotFound(err) && !isNamespaceTerminating(err)) throw err
  }
}

/** An object of this name concerns its namespace. */
export function namespaceOfNamed<T extends KubeObject>(kind: Kind<T>, name: string): Trigger<never> {
  const trigger: Trigger = {
    kind: kind as unknown as Kind,
    keys: ({ metadata }) => (metadata.name === name && metadata.namespace ? [metadata.namespace] : []),
  }
  return trigger as unknown as Trigger<never>
}
