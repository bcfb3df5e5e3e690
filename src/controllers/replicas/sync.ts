// Keeps as many pods as asked for: what ReplicaSet and ReplicationController have in common. plan() decides how many to create and whom
// to delete; sync claims, acts and reports in the status.
import type { Kind } from '../../api/kinds/kind.ts'
import { Pod } from '../../api/kinds/pod.ts'
import type { ReplicaSet } from '../../api/kinds/replica-set.ts'
import { semanticEqual } from '../../api/meta/equality.ts'
import { isNotFound, StatusError } from '../../api/meta/errors.ts'
import { fromLabelSelector } from '../../api/meta/label-selector.ts'
import type { DeepReadonly, KubeObject, NewObject } from '../../api/meta/object.ts'
import { ownerReference } from '../../api/meta/owners.ts'
import { isTerminal } from '../../api/meta/pods.ts'
import type { PodTemplateSpec } from '../../api/types/core.v1.ts'
import type { Ctx } from '../../base/ctx.ts'
import type { Cache } from '../../client/cache.ts'
import { claim, planClaims } from '../claims.ts'
import type { ControllerDeps, SyncResult } from '../controller.ts'
import { slowStart } from '../slow-start.ts'
import { type Failure, nextAvailableInMs, replicasStatus } from './status.ts'
import { chooseVictims } from './victims.ts'

type AnyPod = DeepReadonly<Pod>

/** How many pods one sync creates or deletes at most. */
const BURST = 500

export interface ReplicasKind<T extends KubeObject> {
  kind: Kind<T>
  /** The object as a ReplicaSet, which is the more general of the two. */
  asSet(object: DeepReadonly<T>): DeepReadonly<ReplicaSet>
  /** The object with a status taken from a ReplicaSet's. */
  withStatus(object: DeepReadonly<T>, status: NonNullable<ReplicaSet['status']>): DeepReadonly<T>
  /** Active pods of the object and its siblings, for choosing victims. */
  relatedPods(object: DeepReadonly<T>, cache: Cache): readonly AnyPod[]
}

export interface Plan {
  create: number
  delete: readonly AnyPod[]
}

export function plan(
  set: DeepReadonly<ReplicaSet>,
  active: readonly AnyPod[],
  related: readonly AnyPod[],
  nowMs: number,
): Plan {
  if (set.metadata.deletionTimestamp) return { create: 0, delete: [] }
  const missing = (set.spec.replicas ?? 1) - active.length
  if (missing >= 0) return { create: Math.min(missing, BURST), delete: [] }
  return { create: 0, delete: chooseVictims(active, Math.min(-missing, BURST), related, nowMs) }
}

export async function syncReplicas<T extends KubeObject>(
  ctx: Ctx,
  object: DeepReadonly<T> | undefined,
  deps: ControllerDeps,
  replicas: ReplicasKind<T>,
): Promise<SyncResult> {
  if (!object) return
  const { client, cache, clock } = deps
  const set = replicas.asSet(object)
  const { namespace } = set.metadata
  const claims = planClaims(set, fromLabelSelector(set.spec.selector), candidates(set, cache))
  const mine = await claim(ctx, client, { kind: replicas.kind, object }, Pod, claims)
  const living = mine.filter((pod) => !isTerminal(pod))
  const active = living.filter((pod) => !pod.metadata.deletionTimestamp)
  const terminating = living.filter((pod) => pod.metadata.deletionTimestamp)

  const todo = plan(set, active, active.length > 0 ? replicas.relatedPods(object, cache) : [], clock.now())
  const outcome = await act(ctx, set, todo, deps, replicas)

  const status = replicasStatus(set, active, terminating, outcome.failure, clock.now())
  if (!semanticEqual(status, set.status)) {
    const wanted = replicas.withStatus(object, status)
    await client.update(ctx, replicas.kind, wanted, { subresource: 'status' }).catch((err) => {
      if (!isNotFound(err)) throw err
    })
  }
  if (outcome.err) throw outcome.err
  const againInMs = nextAvailableInMs(active, set.spec.minReadySeconds ?? 0, clock.now())
  ctx.log.debug({ namespace, active: active.length, created: todo.create, deleted: todo.delete.length }, 'synced')
  return againInMs === undefined ? undefined : { againInMs }
}

/** Pods that are the set's, and those of its namespace that nobody controls. */
function candidates(set: DeepReadonly<ReplicaSet>, cache: Cache): AnyPod[] {
  const owned = cache.list(Pod, { ownedBy: set })
  const orphans = cache
    .list(Pod, { namespace: set.metadata.namespace })
    .filter((pod) => !isTerminal(pod) && !pod.metadata.ownerReferences?.some((ref) => ref.controller))
  return [...owned, ...orphans]
}

async function act<T extends KubeObject>(
  ctx: Ctx,
  set: DeepReadonly<ReplicaSet>,
  todo: Plan,
  { client, events }: ControllerDeps,
  { kind }: ReplicasKind<T>,
): Promise<{ failure?: Failure; err?: unknown }> {
  const about = { ...set, apiVersion: kind.apiVersion, kind: kind.kind }
  const created = await slowStart(todo.create, async () => {
    try {
      const pod = await client.create(ctx, Pod, podFrom(set.spec.template ?? { spec: undefined }, about))
      events.event(about, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`)
    } catch (err) {
      if (isNamespaceTerminating(err)) throw err
      events.event(about, 'Warning', 'FailedCreate', `Error creating: ${(err as Error).message}`)
      throw err
    }
  })
  // k8s: nothing can be created in a namespace that goes away; trying again would not help.
  if (isNamespaceTerminating(created.err)) return {}
  const deleted = await Promise.allSettled(
    todo.delete.map(async ({ metadata: { name, namespace, uid } }) => {
      try {
        await client.delete(ctx, Pod, { name, namespace }, { preconditions: { uid } })
        events.event(about, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
      } catch (err) {
        if (isNotFound(err)) return
        events.event(about, 'Warning', 'FailedDelete', `Error deleting: ${(err as Error).message}`)
        throw err
      }
    }),
  )
  const undeleted = deleted.find((r) => r.status === 'rejected')
  if (created.err) return { err: created.err, failure: { reason: 'FailedCreate', message: messageOf(created.err) } }
  if (undeleted) {
    return { err: undeleted.reason, failure: { reason: 'FailedDelete', message: messageOf(undeleted.reason) } }
  }
  return {}
}

/** A pod made from a template, controlled by `owner`. */
export function podFrom(template: DeepReadonly<PodTemplateSpec>, owner: DeepReadonly<KubeObject>): NewObject<Pod> {
  const { labels, annotations, finalizers } = template.metadata ?? {}
  return {
    metadata: {
      generateName: `${owner.metadata.name}-`,
      namespace: owner.metadata.namespace,
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [ownerReference(owner, owner)],
    },
    spec: template.spec as Pod['spec'],
  } as NewObject<Pod>
}

export function isNamespaceTerminating(err: unknown): boolean {
  return err instanceof StatusError && !!err.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating')
}

const messageOf = (err: unknown) => (err instanceof Error ? err.message : String(err))
