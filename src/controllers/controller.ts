// The shape every controller has. The runner (runner.ts) owns the queue, back-off, metrics, log child and cancellation.
import type { Kind } from '../api/kinds/kind.ts'
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'
import type { Clock } from '../base/clock.ts'
import type { Ctx } from '../base/ctx.ts'
import type { Cache } from '../client/cache.ts'
import type { Client } from '../client/client.ts'
import type { EventRecorder } from '../client/events.ts'

export interface ControllerDeps {
  /** Notes the revision of every write; the key isn't synced again until the cache has seen them. */
  client: Client
  cache: Cache
  events: EventRecorder
  clock: Clock
}

/** Which keys of the controller's kind a change of another kind concerns. */
export interface Trigger<T extends KubeObject = KubeObject> {
  kind: Kind<T>
  keys(object: DeepReadonly<T>, old: DeepReadonly<T> | undefined, cache: Cache): readonly string[]
}

/** Done until something changes, or look again then. */
export type SyncResult = { againInMs: number } | undefined | void

export interface Controller<T extends KubeObject = KubeObject> {
  /** As in logs, metrics and field managers: `replicaset`. */
  name: string
  kind: Kind<T>
  triggers: readonly Trigger<never>[]
  /** Which objects of its kind it looks at when they change; all, unless given. */
  only?(object: DeepReadonly<T>): boolean
  /** Triggers of kinds that come and go; `add` returns what takes one off again. Returns what ends it all. */
  moreTriggers?(cache: Cache, add: (trigger: Trigger<never>) => () => void): () => void
  /** Kinds that `sync` reads from the cache without being triggered by them. */
  reads?: readonly Kind<never>[]
  /** How many keys may be in `sync` at once; 4 unless set. */
  workers?: number
  /**
   * Makes one step from the actual to the desired state; may run again at any time. `object` is undefined when the key is gone.
   * Throw to retry with back-off (Conflict is retried quietly); `terminal(err)` is logged once and not retried.
   */
  sync(ctx: Ctx, object: DeepReadonly<T> | undefined, key: string, deps: ControllerDeps): Promise<SyncResult>
}

export function defineController<T extends KubeObject>(controller: Controller<T>): Controller<never> {
  return controller as unknown as Controller<never>
}

/** Changes of `kind` concern the object of `owner`'s kind that controls them. */
export function owned<C extends KubeObject>(kind: Kind<C>, owner: Kind<never>): Trigger<never> {
  const keys = (obj: DeepReadonly<C> | undefined) => {
    const ref = obj?.metadata.ownerReferences?.find((r) => r.controller)
    if (!ref || ref.kind !== owner.kind || ref.apiVersion.split('/')[0] !== owner.apiVersion.split('/')[0]) return []
    const namespace = obj?.metadata.namespace
    return [namespace && owner.scope === 'Namespaced' ? `${namespace}/${ref.name}` : ref.name]
  }
  return {
    kind,
    keys: (object: DeepReadonly<C>, old: DeepReadonly<C> | undefined) => [...new Set([...keys(object), ...keys(old)])],
  } as unknown as Trigger<never>
}

const terminalErrors = new WeakSet<Error>()
/** Marks an error that trying again cannot mend. */
export function terminal(err: Error): Error {
  terminalErrors.add(err)
  return err
}
export const isTerminal = (err: unknown) => err instanceof Error && terminalErrors.has(err)
