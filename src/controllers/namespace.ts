// Empties a namespace that is being deleted: everything of every namespaced kind, pods first, then gives the namespace up. Waits for
// what takes its time (grace periods, finalizers) by following the kinds, and says in the conditions what is still there.
import type { Kind } from '../api/kinds/kind.ts'
import { Namespace } from '../api/kinds/namespace.ts'
import { withCondition } from '../api/meta/conditions.ts'
import { semanticEqual } from '../api/meta/equality.ts'
import { isNotFound, isStatus } from '../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'
import type { NamespaceCondition } from '../api/types/core.v1.ts'
import type { Ctx } from '../base/ctx.ts'
import { customKinds, followCustomKinds } from '../client/custom-kinds.ts'
import { type Controller, type ControllerDeps, defineController, type Trigger } from './controller.ts'

const FINALIZER = 'kubernetes'

/** What is left of one kind. */
export interface Remaining {
  /** `pods.` or `deployments.apps`, as in the condition's message. */
  resource: string
  count: number
  /** How many objects carry each finalizer. */
  finalizers: ReadonlyMap<string, number>
}

/** @param kinds every built-in namespaced kind whose objects are stored and can be deleted; custom ones are followed as they come */
export function namespaceController(kinds: readonly Kind<never>[]): Controller<never> {
  return defineController<Namespace>({
    name: 'namespace',
    kind: Namespace,
    triggers: kinds.map(terminatingNamespaceOf),
    moreTriggers: (cache, add) =>
      followCustomKinds(cache, (kind) => (isNamespaced(kind) ? add(terminatingNamespaceOf(kind)) : () => {})),
    async sync(ctx, namespace, _key, deps) {
      if (!namespace?.metadata.deletionTimestamp) return
      if (!namespace.spec?.finalizers?.includes(FINALIZER)) return
      const { remaining, failures } = await empty(
        ctx,
        namespace.metadata.name,
        [...kinds, ...customKinds(deps.cache).filter(isNamespaced)],
        deps,
      )
      const marked = await report(ctx, namespace, remaining, failures, deps)
      if (failures.length > 0) throw failures[0]
      // Each of them will tell when it goes.
      if (remaining.length > 0 || !marked) return
      const finalizers = namespace.spec.finalizers.filter((finalizer) => finalizer !== FINALIZER)
      const wanted = { ...marked, spec: { ...marked.spec, finalizers } }
      await deps.client.update(ctx, Namespace, wanted, { subresource: 'finalize' }).catch((err) => {
        if (!isNotFound(err)) throw err
      })
    },
  })
}

/** k8s: pods go before what they use; only when none is left come the other kinds. */
async function empty(ctx: Ctx, namespace: string, kinds: readonly Kind<never>[], deps: ControllerDeps) {
  const pods = kinds.filter((kind) => kind.kind === 'Pod' && kind.group === '')
  const others = kinds.filter((kind) => !pods.includes(kind))
  const first = await deleteAll(ctx, namespace, pods, deps)
  return first.remaining.length + first.failures.length > 0 ? first : await deleteAll(ctx, namespace, others, deps)
}

async function deleteAll(ctx: Ctx, namespace: string, kinds: readonly Kind<never>[], { client }: ControllerDeps) {
  const remaining: Remaining[] = []
  const failures: Error[] = []
  await Promise.all(
    kinds.map(async (anyKind) => {
      const kind = anyKind as unknown as Kind
      try {
        const before = await client.list(ctx, kind, { namespace, limit: 1 })
        if (before.items.length === 0) return
        await client.deleteCollection(ctx, kind, { namespace }, { propagationPolicy: 'Background' })
        const left = await client.list(ctx, kind, { namespace })
        if (left.items.length > 0) remaining.push(remainingOf(kind, left.items))
      } catch (err) {
        // A kind that is not served (any more) has no objects; an action has none either.
        if (!isNotFound(err) && !isStatus(err, 'MethodNotAllowed')) failures.push(err as Error)
      }
    }),
  )
  remaining.sort((a, b) => (a.resource < b.resource ? -1 : 1))
  return { remaining, failures }
}

function remainingOf(kind: Kind, items: readonly DeepReadonly<KubeObject>[]): Remaining {
  const finalizers = new Map<string, number>()
  for (const { metadata } of items) {
    for (const name of metadata.finalizers ?? []) finalizers.set(name, (finalizers.get(name) ?? 0) + 1)
  }
  return { resource: `${kind.plural}.${kind.group}`, count: items.length, finalizers }
}

/** k8s: the conditions' types, reasons and sentences. */
export function deletionConditions(
  known: readonly DeepReadonly<NamespaceCondition>[] | undefined,
  remaining: readonly Remaining[],
  failures: readonly Error[],
  nowMs: number,
): NamespaceCondition[] {
  let conditions = [...((known ?? []) as readonly NamespaceCondition[])]
  const set = (type: string, problem: string | undefined, bad: string, good: string, fine: string) => {
    const condition: NamespaceCondition = problem
      ? { type, status: 'True', reason: bad, message: problem }
      : { type, status: 'False', reason: good, message: fine }
    conditions = withCondition<NamespaceCondition>(conditions, condition, nowMs)
  }
  const contents = remaining.map(({ resource, count }) => `${resource} has ${count} resource instances`)
  const finalizers = new Map<string, number>()
  for (const kind of remaining) {
    for (const [name, count] of kind.finalizers) finalizers.set(name, (finalizers.get(name) ?? 0) + count)
  }
  const holders = [...finalizers].sort().map(([name, count]) => `${name} in ${count} resource instances`)
  set(
    'NamespaceDeletionDiscoveryFailure',
    undefined,
    'DiscoveryFailed',
    'ResourcesDiscovered',
    'All resources successfully discovered',
  )
  set(
    'NamespaceDeletionGroupVersionParsingFailure',
    undefined,
    'GroupVersionParsingFailed',
    'ParsedGroupVersions',
    'All legacy kube types successfully parsed',
  )
  set(
    'NamespaceDeletionContentFailure',
    failures.length > 0
      ? `Failed to delete all resource types, ${failures.length} remaining: ${failures.map((e) => e.message).join(', ')}`
      : undefined,
    'ContentDeletionFailed',
    'ContentDeleted',
    'All content successfully deleted, may be waiting on finalization',
  )
  set(
    'NamespaceContentRemaining',
    contents.length > 0 ? `Some resources are remaining: ${contents.join(', ')}` : undefined,
    'SomeResourcesRemain',
    'ContentRemoved',
    'All content successfully removed',
  )
  set(
    'NamespaceFinalizersRemaining',
    holders.length > 0 ? `Some content in the namespace has finalizers remaining: ${holders.join(', ')}` : undefined,
    'SomeFinalizersRemain',
    'ContentHasNoFinalizers',
    'All content-preserving finalizers finished',
  )
  return conditions
}

/** Returns the namespace as it is now; undefined when it is gone. */
async function report(
  ctx: Ctx,
  namespace: DeepReadonly<Namespace>,
  remaining: readonly Remaining[],
  failures: readonly Error[],
  { client, clock }: ControllerDeps,
): Promise<DeepReadonly<Namespace> | undefined> {
  const conditions = deletionConditions(namespace.status?.conditions, remaining, failures, clock.now())
  const status: DeepReadonly<Namespace>['status'] = { ...namespace.status, phase: 'Terminating', conditions }
  if (semanticEqual(status, namespace.status)) return namespace
  try {
    return await client.update(ctx, Namespace, { ...namespace, status }, { subresource: 'status' })
  } catch (err) {
    if (isNotFound(err)) return undefined
    throw err
  }
}

function terminatingNamespaceOf(kind: Kind<never>): Trigger<never> {
  const trigger: Trigger = {
    kind: kind as unknown as Kind,
    keys({ metadata }, _old, cache) {
      const name = metadata.namespace
      return name && cache.get(Namespace, name)?.metadata.deletionTimestamp ? [name] : []
    },
  }
  return trigger as unknown as Trigger<never>
}

/** The kinds of `all` that the namespace controller empties: stored under their own name, listed and deleted. */
export function deletableKinds(all: readonly Kind<never>[]): Kind<never>[] {
  return all.filter(
    ({ storedAs, verbs }) => !storedAs && verbs.includes('list') && verbs.includes('watch') && verbs.includes('delete'),
  )
}

export const isNamespaced = (kind: Kind<never>) => kind.scope === 'Namespaced'
