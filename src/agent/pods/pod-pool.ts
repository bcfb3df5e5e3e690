// All pods of this node: gives each its worker, and each worker what concerns it. Starts when the API's pods and the runtime's containers
// are both known, so that nothing that runs is started twice or taken for an orphan; relists when the runtime was away.
import { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { isTerminal } from '../../api/meta/pods.ts'
import { delay } from '../../base/clock.ts'
import { type Ctx, child } from '../../base/ctx.ts'
import { BackOff } from '../../client/back-off.ts'
import type { Cache } from '../../client/cache.ts'
import type { RuntimeEvent } from '../cri/runtime.ts'
import { admit, byAge } from './admission.ts'
import type { Observed } from './containers.ts'
import type { PodDeps } from './deps.ts'
import { carriedFacts, podIdentity } from './labels.ts'
import { PodWorker } from './worker.ts'

export interface PoolOptions {
  deps: PodDeps
  cache: Cache
  nodeLabels(): Readonly<Record<string, string>>
  /** The runtime answers, or does not any more. */
  onEngine(up: boolean, err?: unknown): void
}
type Found = { -readonly [K in keyof Observed]: Observed[K][number][] }

export class PodPool {
  readonly #ctx: Ctx
  readonly #options: PoolOptions
  readonly #workers = new Map<string, PodWorker>()
  /** Pods whose work is done while the API still has them (finalizers). */
  readonly #done = new Set<string>()
  #started = false
  #engineUp = false

  constructor(ctx: Ctx, options: PoolOptions) {
    this.#ctx = child(ctx, { part: 'pods' })
    this.#options = options
  }

  get engineUp(): boolean {
    return this.#engineUp
  }
  get workers(): Iterable<PodWorker> {
    return this.#workers.values()
  }
  find(namespace: string, name: string): PodWorker | undefined {
    let found: PodWorker | undefined
    for (const worker of this.#workers.values()) {
      const { metadata } = worker.pod
      // Of two with one name the one that is not ending is meant.
      if (metadata.namespace === namespace && metadata.name === name && (!found || !metadata.deletionTimestamp))
        found = worker
    }
    return found
  }

  /** Lasts until the ctx is aborted and every worker has stopped. Containers run on. */
  async run(): Promise<void> {
    const { cache, deps } = this.#options
    const unwatch = cache.watch(Pod, ({ type, object }) => {
      if (this.#started && object.spec?.nodeName === deps.node.name) this.#podEvent(type, object)
    })
    try {
      await this.#followRuntime()
    } finally {
      unwatch()
      await Promise.all([...this.#workers.values()].map((worker) => worker.settled()))
    }
  }

  // --- the API's side ------------------------------------------------------------------------------------------------------------

  #podEvent(type: 'added' | 'updated' | 'deleted', pod: DeepReadonly<Pod>): void {
    const { uid } = pod.metadata
    const worker = this.#workers.get(uid)
    if (type === 'deleted') {
      this.#done.delete(uid)
      worker?.podGone(pod)
    } else if (worker) worker.podChanged(pod)
    else this.#add(pod)
  }

  #add(pod: DeepReadonly<Pod>, found?: Observed): PodWorker | undefined {
    const { uid } = pod.metadata
    if (this.#done.has(uid) || this.#workers.has(uid)) return undefined
    const { deps } = this.#options
    const isNew = !found && !isTerminal(pod) && !pod.metadata.deletionTimestamp
    const verdict = isNew ? this.#admit(pod) : undefined
    if (verdict) deps.events.event(pod, 'Warning', verdict.reason, verdict.message)
    return this.#work(pod, { verdict })
  }

  #admit(pod: DeepReadonly<Pod>) {
    const { deps, nodeLabels } = this.#options
    const others = [...this.#workers.values()].filter((w) => w.active).map((w) => w.pod)
    return admit(pod, others, { name: deps.node.name, labels: nodeLabels(), allocatable: deps.node.allocatable() })
  }

  #work(pod: DeepReadonly<Pod>, options: { gone?: boolean; verdict?: ReturnType<typeof admit> }): PodWorker {
    const { uid } = pod.metadata
    const worker = new PodWorker(this.#ctx, this.#options.deps, pod, {
      ...options,
      onDone: () => {
        this.#workers.delete(uid)
        if (
          !options.gone &&
          this.#options.cache.get(Pod, pod.metadata.name, pod.metadata.namespace)?.metadata.uid === uid
        )
          this.#done.add(uid)
        void worker.settled()
      },
    })
    this.#workers.set(uid, worker)
    worker.wake()
    return worker
  }

  // --- the runtime's side --------------------------------------------------------------------------------------------------------

  async #followRuntime(): Promise<void> {
    const { deps, onEngine } = this.#options
    const backOff = new BackOff({ firstMs: 250, maxMs: 5000 })
    const { signal } = this.#ctx
    while (!signal.aborted) {
      try {
        // What happens between the connection and the end of the relist is kept and told afterwards.
        let early: RuntimeEvent[] | undefined = []
        let relisting: Promise<void> | undefined
        const failed = new AbortController()
        const ctx = child(this.#ctx, {}, failed.signal)
        const onConnected = () => {
          relisting = this.#relist(ctx).then(() => {
            backOff.reset()
            for (const event of early ?? []) this.#runtimeEvent(event)
            early = undefined
          })
          relisting.catch((err) => failed.abort(err))
        }
        for await (const event of deps.runtime.events(ctx, onConnected)) {
          if (early) early.push(event)
          else this.#runtimeEvent(event)
        }
        await relisting
        failed.signal.throwIfAborted()
      } catch (err) {
        if (signal.aborted) break
        if (this.#engineUp) this.#ctx.log.error({ err }, 'container runtime is down')
        this.#engineUp = false
        onEngine(false, err)
      }
      await delay(deps.clock, backOff.nextMs(), signal).catch(() => undefined)
    }
  }

  #runtimeEvent(event: RuntimeEvent): void {
    this.#workers.get(event.podUid)?.runtimeEvent(event)
  }

  async #relist(ctx: Ctx): Promise<void> {
    const { deps, cache, onEngine } = this.#options
    const read = async () => {
      const [sandboxes, containers] = await Promise.all([
        deps.runtime.listPodSandboxes(ctx),
        deps.runtime.listContainers(ctx),
      ])
      return { sandboxes, containers }
    }
    // Before anything is known of the API, nothing may be concluded from what runs.
    if (!this.#started) {
      await read()
      onEngine(true)
      await cache.synced(ctx.signal)
    }
    const { sandboxes, containers } = await read()
    const foundByUid = new Map<string, Found>()
    const at = (uid: string) => {
      const found = foundByUid.get(uid) ?? { sandboxes: [], containers: [] }
      foundByUid.set(uid, found)
      return found
    }
    for (const sandbox of sandboxes) at(sandbox.metadata.uid).sandboxes.push(sandbox)
    for (const container of containers) {
      const uid = podIdentity(container.labels)?.uid
      if (uid) at(uid).containers.push(container)
    }
    await this.#distribute(foundByUid)
    // Only now do workers look: each knows what runs of its pod.
    this.#engineUp = true
    onEngine(true)
    for (const worker of this.#workers.values()) worker.wake()
  }

  async #distribute(foundByUid: ReadonlyMap<string, Found>): Promise<void> {
    const { deps, cache } = this.#options
    const nothing: Found = { sandboxes: [], containers: [] }
    const pods = cache.list(Pod).filter((pod) => pod.spec?.nodeName === deps.node.name)
    // Those that run already come first: they are not asked whether they fit.
    for (const pod of [...pods].sort(byAge))
      if (foundByUid.has(pod.metadata.uid)) this.#add(pod, foundByUid.get(pod.metadata.uid))
    for (const [uid, found] of foundByUid) if (!this.#workers.has(uid)) this.#work(orphan(uid, found), { gone: true })
    const relisted = [...this.#workers].map(([uid, worker]) => worker.relisted(foundByUid.get(uid) ?? nothing))
    await Promise.all(relisted)
    const first = !this.#started
    this.#started = true
    for (const pod of [...pods].sort(byAge)) this.#add(pod)
    for (const pod of cache.list(Pod)) {
      if (pod.spec?.nodeName === deps.node.name) this.#workers.get(pod.metadata.uid)?.podChanged(pod)
    }
    if (first) await this.#removeLeftovers()
  }

  /** Files of pods that neither the API nor the runtime knows any more. */
  async #removeLeftovers(): Promise<void> {
    const { store } = this.#options.deps
    for (const uid of await store.podUids()) {
      if (this.#workers.has(uid) || this.#done.has(uid)) continue
      await store
        .removePod(this.#ctx, uid)
        .catch((err) => this.#ctx.log.warn({ err, uid }, 'files of a former pod not removed'))
    }
  }
}

/** What is known of a pod that only the runtime still has: enough to stop it and take it away. */
function orphan(uid: string, found: Observed): DeepReadonly<Pod> {
  const labels = found.sandboxes[0]?.labels ?? found.containers[0]?.labels ?? {}
  const { name = '', namespace = '' } = podIdentity(labels) ?? {}
  const graceSeconds = Math.max(0, ...found.containers.map((c) => carriedFacts(c).gracePeriodSeconds))
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, uid },
    spec: { containers: [], terminationGracePeriodSeconds: graceSeconds },
  } as unknown as DeepReadonly<Pod>
}
