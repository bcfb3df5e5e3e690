// Empties a namespace that is being deleted: everything of every namespaced kind, pods first, then gives the namespace up. Waits for
// what takes its time (grace periods, finalizers) by following the kinds, and says in the conditions what is still there.
import { APIService } from '../api/kinds/api-service.ts'
import type { Kind } from '../api/kinds/kind.ts'
import { Namespace } from '../api/kinds/namespace.ts'
import { withCondition } from '../api/meta/conditions.ts'
import { semanticEqual } from '../api/meta/equality.ts'
import { isNotFound, isStatus } from '../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'
import type { NamespaceCondition } from '../api/types/core.v1.ts'
import type { Ctx } from '../base/ctx.ts'
import { discoverKinds, isRemoteService, preferredOnly, remoteGroupVersions } from '../client/aggregated-kinds.ts'
import type { Cache } from '../client/cache.ts'
import type { Client } from '../client/client.ts'
import { customKinds, followCustomKinds } from '../client/custom-kinds.ts'
import { type Controller, type ControllerDeps, defineController, type Trigger } from './controller.ts'

const FINALIZER = 'kubernetes'
/** Objects of other servers aren't followed here: what takes its time there is looked at again. */
const LOOK_AGAIN_MS = 5000

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
    triggers: [...kinds.map(terminatingNamespaceOf), otherServers],
    moreTriggers: (cache, add) =>
      followCustomKinds(cache, (kind) => (isNamespaced(kind) ? add(terminatingNamespaceOf(kind)) : () => {})),
    async sync(ctx, namespace, _key, deps) {
      if (!namespace?.metadata.deletionTimestamp) return
      if (!namespace.spec?.finalizers?.includes(FINALIZER)) return
      const others = await discover(ctx, deps)
      const { remaining, failures } = await empty(
        ctx,
        namespace.metadata.name,
        [...kinds, ...customKinds(deps.cache).filter(isNamespaced), ...others.kinds],
        deps,
      )
      const marked = await report(ctx, namespace, { remaining, failures, undiscovered: others.undiscovered }, deps)
      if (failures.length > 0) throw failures[0]
      // Who answers wrongly though it is said to be available is asked again; of the others is told when they are back.
      if (others.failure) throw others.failure
      const foreign = others.kinds.map(resourceOf)
      if (remaining.some(({ resource }) => foreign.includes(resource))) return { againInMs: LOOK_AGAIN_MS }
      // Each of them will tell when it goes.
      if (remaining.length > 0 || others.undiscovered.size > 0 || !marked) return
      const finalizers = namespace.spec.finalizers.filter((finalizer) => finalizer !== FINALIZER)
      const wanted = { ...marked, spec: { ...marked.spec, finalizers } }
      await deps.client.update(ctx, Namespace, wanted, { subresource: 'finalize' }).catch((err) => {
        if (!isNotFound(err)) throw err
      })
    },
  })
}

interface OtherServers {
  readonly kinds: readonly Kind<never>[]
  /** Why the kinds of a group-version are not known. */
  readonly undiscovered: ReadonlyMap<string, string>
  readonly failure: Error | undefined
}

/** The namespaced kinds of other servers whose objects can be deleted. */
async function discover(ctx: Ctx, { client, cache }: ControllerDeps): Promise<OtherServers> {
  const undiscovered = new Map<string, string>()
  let failure: Error | undefined
  const kindsOf = async ({ groupVersion, available }: ReturnType<typeof remoteGroupVersions>[number]) => {
    if (available) {
      try {
        return await discoverKinds(ctx, client, groupVersion)
      } catch (err) {
        failure = err as Error
      }
    }
    undiscovered.set(groupVersion, `stale GroupVersion discovery: ${groupVersion}`)
    return []
  }
  const all = await Promise.all(remoteGroupVersions(cache).map(kindsOf))
  // k8s: asked for by what can be done with them.
  const kinds = preferredOnly(all.flat()).filter(
    (kind) => isNamespaced(kind) && kind.verbs.includes('list') && kind.verbs.includes('delete'),
  )
  return { kinds, undiscovered, failure }
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
        if (kind.verbs.includes('deletecollection')) {
          await client.deleteCollection(ctx, kind, { namespace }, { propagationPolicy: 'Background' })
        } else {
          await deleteEach(ctx, client, kind, namespace)
        }
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

/** k8s: for servers that can't delete a collection. */
async function deleteEach(ctx: Ctx, client: Client, kind: Kind, namespace: string): Promise<void> {
  const { items } = await client.list(ctx, kind, { namespace })
  for (const { metadata } of items) {
    const target = { name: metadata.name, namespace }
    await client.delete(ctx, kind, target, { propagationPolicy: 'Background' }).catch((err) => {
      if (!isNotFound(err)) throw err
    })
  }
}

function remainingOf(kind: Kind, items: readonly DeepReadonly<KubeObject>[]): Remaining {
  const finalizers = new Map<string, number>()
  for (const { metadata } of items) {
    for (const name of metadata.finalizers ?? []) finalizers.set(name, (finalizers.get(name) ?? 0) + 1)
  }
  return { resource: resourceOf(kind), count: items.length, finalizers }
}

const resourceOf = ({ plural, group }: Pick<Kind, 'plural' | 'group'>) => `${plural}.${group}`

/** What stands in the way of a namespace's end. */
export interface Obstacles {
  readonly remaining: readonly Remaining[]
  readonly failures: readonly Error[]
  /** By group-version, why its kinds are not known. */
  readonly undiscovered?: ReadonlyMap<string, string>
}

/** k8s: the conditions' types, reasons and sentences. */
export function deletionConditions(
  known: readonly DeepReadonly<NamespaceCondition>[] | undefined,
  { remaining, failures, undiscovered = new Map() }: Obstacles,
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
  const unknown = [...undiscovered].map(([groupVersion, why]) => `${groupVersion}: ${why}`).sort()
  set(
    'NamespaceDeletionDiscoveryFailure',
    undiscovered.size > 0
      ? `Discovery failed for some groups, ${undiscovered.size} failing: unable to retrieve the complete list of server APIs: ${unknown.join(', ')}`
      : undefined,
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
  obstacles: Obstacles,
  { client, clock }: ControllerDeps,
): Promise<DeepReadonly<Namespace> | undefined> {
  const conditions = deletionConditions(namespace.status?.conditions, obstacles, clock.now())
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

/** What another server serves has come, gone or changed: it is looked at for every namespace that waits for its end. */
const otherServers = {
  kind: APIService,
  keys: (service: DeepReadonly<APIService>, _old: unknown, cache: Cache) =>
    isRemoteService(service)
      ? cache
          .list(Namespace)
          .filter(({ metadata }) => metadata.deletionTimestamp)
          .map(({ metadata }) => metadata.name)
      : [],
} as unknown as Trigger<never>

/** The kinds of `all` that the namespace controller empties: stored under their own name, listed and deleted. */
export function deletableKinds(all: readonly Kind<never>[]): Kind<never>[] {
  return all.filter(
    ({ storedAs, verbs }) => !storedAs && verbs.includes('list') && verbs.includes('watch') && verbs.includes('delete'),
  )
}

export const isNamespaced = (kind: Kind<never>) => kind.scope === 'Namespaced'
