// Deletes objects whose owners are all gone, and carries out foreground and orphaning deletes. Follows every kind that can be deleted;
// acts only on what the live objects say. Not a controller of one kind: its keys are uids, so it runs its own queue beside the runner.
import type { Kind } from '../api/kinds/kind.ts'
import { isConflict, isNotFound, isStatus } from '../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'
import { type Ctx, child } from '../base/ctx.ts'
import { followAggregatedKinds } from '../client/aggregated-kinds.ts'
import { followCustomKinds } from '../client/custom-kinds.ts'
import { RecentMap } from '../client/recent-map.ts'
import { WorkQueue } from '../client/work-queue.ts'
import type { ControllerDeps } from './controller.ts'
import { decide, type OwnerState } from './garbage-collector/decide.ts'
import { FOREGROUND, type GraphNode, ORPHAN, type Owner, OwnerGraph } from './garbage-collector/graph.ts'

const WORKERS = 8
const REMEMBERED_ABSENT = 500

/** Runs until the ctx is aborted. @param kinds every kind whose objects can own or be owned */
export async function runGarbageCollector(
  ctx: Ctx,
  deps: ControllerDeps,
  kinds: readonly Kind<never>[],
): Promise<void> {
  const collector = new GarbageCollector(deps, kinds)
  const unfollow = collector.follow()
  const onAbort = () => collector.close()
  ctx.signal.addEventListener('abort', onAbort, { once: true })
  try {
    await deps.cache.synced(ctx.signal)
    // Afterwards, so that nothing waits for another server's first list.
    unfollow.push(collector.followOtherServers(ctx))
    await collector.work(child(ctx, { controller: 'garbage-collector' }))
  } catch (err) {
    if (!ctx.signal.aborted) throw err
  } finally {
    for (const stop of unfollow) stop()
  }
}

class GarbageCollector {
  readonly #deps: ControllerDeps
  readonly #kinds: readonly Kind<never>[]
  readonly #kindsByName = new Map<string, Kind<never>>()
  readonly #graph = new OwnerGraph()
  readonly #queue: WorkQueue
  /** Owners that the API said do not exist: their dependents need not ask again. Uids are never reused. */
  readonly #absent = new RecentMap<true>(REMEMBERED_ABSENT)
  #synced = false

  constructor(deps: ControllerDeps, kinds: readonly Kind<never>[]) {
    this.#deps = deps
    this.#kinds = kinds
    this.#queue = new WorkQueue(deps.clock)
    // k8s: owner references name a kind by group and kind; the version may be another one.
    for (const kind of kinds) this.#kindsByName.set(`${kind.group}/${kind.kind}`, kind)
  }

  follow(): (() => void)[] {
    const { cache } = this.#deps
    return [
      ...this.#kinds.map((kind) => this.#followKind(kind)),
      followCustomKinds(cache, (kind) => this.#followMore(kind)),
    ]
  }

  followOtherServers(ctx: Ctx): () => void {
    return followAggregatedKinds(ctx, this.#deps, (kind) => {
      if (!isCollectable(kind)) return () => {}
      const stop = this.#followMore(kind)
      return () => stop(false)
    })
  }

  #followMore(kind: Kind<never>): (gone: boolean) => void {
    const name = `${kind.group}/${kind.kind}`
    this.#kindsByName.set(name, kind)
    const stop = this.#followKind(kind)
    // Whoever named an owner of this kind could not be judged before.
    this.#look([...this.#graph.nodes()])
    return (gone) => {
      stop()
      if (this.#kindsByName.get(name) === kind) this.#kindsByName.delete(name)
      this.#forget(kind, gone)
    }
  }

  #followKind(kind: Kind<never>): () => void {
    return this.#deps.cache.watch(kind as unknown as Kind, ({ type, object }) => {
      const { uid } = object.metadata
      if (type !== 'deleted') return this.#look(this.#graph.put(kind, object))
      // By the time its dependents are looked at, a custom kind may be gone too, and nobody could be asked.
      if (!this.#kinds.includes(kind)) this.#absent.set(uid, true)
      this.#look(this.#graph.remove(uid))
    })
  }

  /** The kind is followed no more; if it is gone, its objects are gone with it: events of the last ones may never come. */
  #forget(kind: Kind<never>, gone: boolean): void {
    for (const { metadata } of this.#deps.cache.list(kind as unknown as Kind)) {
      if (gone) this.#absent.set(metadata.uid, true)
      this.#look(this.#graph.remove(metadata.uid))
    }
    this.#deps.cache.forget(kind)
  }

  close(): void {
    this.#queue.close()
  }

  async work(ctx: Ctx): Promise<void> {
    this.#synced = true
    this.#look([...this.#graph.nodes()])
    await Promise.all(Array.from({ length: WORKERS }, () => this.#workLoop(ctx)))
  }

  /** Queues the nodes that need it: those being deleted, and those with an owner that the cache does not show as living. */
  #look(nodes: readonly GraphNode[]): void {
    // Before everything is listed an owner may only seem to be missing.
    if (!this.#synced) return
    for (const node of nodes) {
      if (node.deleting || node.owners.some((owner) => !this.#seemsSolid(owner, node))) this.#queue.add(node.uid)
    }
  }

  #seemsSolid(owner: Owner, { namespace }: GraphNode): boolean {
    if (this.#absent.get(owner.uid)) return false
    const kind = this.#kindOf(owner)
    if (!kind) return true
    const known = this.#deps.cache.get(kind as unknown as Kind, owner.name, scopeOf(kind, namespace))
    return known?.metadata.uid === owner.uid && stateOf(known) === 'solid'
  }

  async #workLoop(ctx: Ctx): Promise<void> {
    for (let uid = await this.#queue.take(); uid !== undefined; uid = await this.#queue.take()) {
      const node = this.#graph.get(uid)
      try {
        if (node) await this.#process(ctx, node)
        this.#queue.forget(uid)
      } catch (err) {
        if (ctx.signal.aborted) return
        const retryInMs = this.#queue.addFailed(uid)
        const about = { err, retryInMs, resource: node?.kind.plural, name: node?.name, namespace: node?.namespace }
        if (isConflict(err)) ctx.log.debug(about, 'collecting met a conflict')
        else ctx.log.warn(about, 'collecting failed')
      }
      this.#queue.done(uid)
    }
  }

  async #process(ctx: Ctx, node: GraphNode): Promise<void> {
    if (node.deleting === 'orphan') return await this.#orphan(ctx, node)
    if (node.deleting === 'foreground') return await this.#finishForeground(ctx, node)
    const live = await this.#live(ctx, node)
    if (!live) return
    const owners = await this.#ownerStates(ctx, live, node)
    const dependents = this.#graph.dependentsOf(node.uid)
    const verdict = decide(live, owners, dependents.size > 0)
    if (verdict.action === 'unlink') await this.#unlink(ctx, node, verdict.uids)
    if (verdict.action !== 'delete') return
    if (verdict.propagationPolicy === 'Foreground') await this.#breakCycle(ctx, node, dependents)
    const { uid, resourceVersion } = live.metadata
    const { propagationPolicy } = verdict
    await unlessGone(
      this.#deps.client.delete(ctx, node.kind as unknown as Kind, targetOf(node), {
        propagationPolicy,
        preconditions: { uid, resourceVersion },
      }),
    )
    ctx.log.debug({ resource: node.kind.plural, name: node.name, namespace: node.namespace }, 'collected')
  }

  /** In a circle of objects being deleted in the foreground each would wait for the next: one that has come round waits no longer. */
  async #breakCycle(ctx: Ctx, node: GraphNode, dependents: ReadonlySet<GraphNode>): Promise<void> {
    if (![...dependents].some((dependent) => dependent.deleting === 'foreground')) return
    if (!node.owners.some((owner) => owner.blockOwnerDeletion)) return
    await this.#rewriteOwners(ctx, node, (owners) => owners.map((owner) => ({ ...owner, blockOwnerDeletion: false })))
  }

  async #orphan(ctx: Ctx, node: GraphNode): Promise<void> {
    for (const dependent of [...this.#graph.dependentsOf(node.uid)]) await this.#unlink(ctx, dependent, [node.uid])
    await this.#removeFinalizer(ctx, node, ORPHAN)
  }

  /** The owner goes when nothing that blocks it is left; each dependent that does is looked at in its own right. */
  async #finishForeground(ctx: Ctx, node: GraphNode): Promise<void> {
    const blocking = [...this.#graph.dependentsOf(node.uid)].filter((dependent) =>
      dependent.owners.some((owner) => owner.uid === node.uid && owner.blockOwnerDeletion),
    )
    if (blocking.length === 0) return await this.#removeFinalizer(ctx, node, FOREGROUND)
    for (const dependent of blocking) if (!dependent.deleting) this.#queue.add(dependent.uid)
  }

  async #ownerStates(ctx: Ctx, live: DeepReadonly<KubeObject>, node: GraphNode) {
    const states: { owner: Owner; state: OwnerState }[] = []
    for (const owner of live.metadata.ownerReferences ?? []) {
      states.push({ owner, state: await this.#ownerState(ctx, owner, node) })
    }
    return states
  }

  async #ownerState(ctx: Ctx, owner: Owner, node: GraphNode): Promise<OwnerState> {
    if (this.#absent.get(owner.uid)) return 'absent'
    const kind = this.#kindOf(owner)
    // A kind that is not known here cannot be proved gone, and a namespaced owner of a cluster-wide object cannot be found.
    if (!kind || (kind.scope === 'Namespaced' && !node.namespace)) return 'solid'
    try {
      const live = await this.#deps.client.get(ctx, kind as unknown as Kind, owner.name, scopeOf(kind, node.namespace))
      if (live.metadata.uid === owner.uid) return stateOf(live)
    } catch (err) {
      if (!isNotFound(err)) throw err
    }
    this.#absent.set(owner.uid, true)
    return 'absent'
  }

  async #unlink(ctx: Ctx, node: GraphNode, uids: readonly string[]): Promise<void> {
    await this.#rewriteOwners(ctx, node, (owners) => owners.filter((owner) => !uids.includes(owner.uid)))
  }

  /** The whole list under the object's resourceVersion: this works for every kind, where strategic merges would not. */
  async #rewriteOwners(ctx: Ctx, node: GraphNode, change: (owners: readonly Owner[]) => Owner[]): Promise<void> {
    const live = await this.#live(ctx, node)
    if (!live?.metadata.ownerReferences) return
    const ownerReferences = change(live.metadata.ownerReferences)
    const body = { metadata: { resourceVersion: live.metadata.resourceVersion, ownerReferences } }
    const kind = node.kind as unknown as Kind
    await unlessGone(this.#deps.client.patch(ctx, kind, targetOf(node), { type: 'merge', body }))
  }

  async #removeFinalizer(ctx: Ctx, node: GraphNode, finalizer: string): Promise<void> {
    const live = await this.#live(ctx, node)
    if (!live?.metadata.finalizers?.includes(finalizer)) return
    const finalizers = live.metadata.finalizers.filter((name) => name !== finalizer)
    const body = { metadata: { resourceVersion: live.metadata.resourceVersion, finalizers } }
    const kind = node.kind as unknown as Kind
    await unlessGone(this.#deps.client.patch(ctx, kind, targetOf(node), { type: 'merge', body }))
  }

  async #live(ctx: Ctx, node: GraphNode): Promise<DeepReadonly<KubeObject> | undefined> {
    const kind = node.kind as unknown as Kind
    const live = await unlessGone(this.#deps.client.get(ctx, kind, node.name, node.namespace))
    return live?.metadata.uid === node.uid ? live : undefined
  }

  #kindOf({ apiVersion, kind }: Owner): Kind<never> | undefined {
    const slash = apiVersion.indexOf('/')
    return this.#kindsByName.get(`${slash < 0 ? '' : apiVersion.slice(0, slash)}/${kind}`)
  }
}

const isCollectable = ({ verbs }: Kind<never>) =>
  verbs.includes('list') && verbs.includes('watch') && verbs.includes('delete')

function stateOf({ metadata }: DeepReadonly<KubeObject>): OwnerState {
  return metadata.deletionTimestamp && metadata.finalizers?.includes(FOREGROUND) ? 'waiting' : 'solid'
}

const scopeOf = (kind: Kind<never>, namespace: string | undefined) =>
  kind.scope === 'Namespaced' ? namespace : undefined
const targetOf = ({ name, namespace }: GraphNode) => ({ name, namespace })

/** Undefined when the object is gone, or is another one by now. */
async function unlessGone<R>(answer: Promise<R>): Promise<R | undefined> {
  try {
    return await answer
  } catch (err) {
    if (isNotFound(err) || isStatus(err, 'Invalid')) return undefined
    throw err
  }
}
