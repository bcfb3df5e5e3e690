// Nodes for stories. Each renews its lease and plays its pods: started ones are Running and Ready after a moment, deleted ones are gone
// after another, unless the story says that some of them never become ready or never end.
import type { Kind } from '../../src/api/kinds/kind.ts'
import { Lease } from '../../src/api/kinds/lease.ts'
import { Node } from '../../src/api/kinds/node.ts'
import { Pod } from '../../src/api/kinds/pod.ts'
import { isNotFound } from '../../src/api/meta/errors.ts'
import { matches, parseSelector, type Selector } from '../../src/api/meta/label-selector.ts'
import { type DeepReadonly, objectKey } from '../../src/api/meta/object.ts'
import { formatMicroTime, formatTime } from '../../src/api/meta/time.ts'
import type { FakeClock } from '../../src/base/clock.ts'
import type { Ctx } from '../../src/base/ctx.ts'
import type { Cache } from '../../src/client/cache.ts'
import type { Client } from '../../src/client/client.ts'

const START_MS = 200
const STOP_MS = 100
const RENEW_MS = 10_000

type AnyPod = DeepReadonly<Pod>

export class FakeKubelets {
  readonly #ctx: Ctx
  readonly #client: Client
  readonly #cache: Cache
  readonly #clock: FakeClock
  readonly #running = new Set<string>()
  readonly #broken: Selector[] = []
  readonly #immortal: Selector[] = []
  /** Pods whose next step has its timer. */
  readonly #stepping = new Set<string>()
  #nextAddress = 10

  constructor(ctx: Ctx, client: Client, cache: Cache, clock: FakeClock) {
    this.#ctx = ctx
    this.#client = client
    this.#cache = cache
    this.#clock = clock
    cache.watch(Lease)
    cache.watch(Node)
    cache.watch(Pod, ({ type, object }) => {
      if (type !== 'deleted') this.#step(object)
    })
  }

  /** Registers the node if it is new, and lets it live. */
  async start(name: string): Promise<void> {
    this.#running.add(name)
    if (!this.#cache.get(Node, name)) {
      await this.#client.create(this.#ctx, Node, { metadata: { name }, spec: {} })
    }
    await this.#reportReady(name)
    await this.#renew(name)
    for (const pod of this.#cache.list(Pod)) this.#step(pod)
  }

  /** The node falls silent; its containers run on. */
  stop(name: string): void {
    this.#running.delete(name)
  }

  /** From now on pods with these labels never become ready. */
  breakPods(selector: string): void {
    this.#broken.push(parseSelector(selector))
  }

  mendPods(): void {
    this.#broken.length = 0
    for (const pod of this.#cache.list(Pod)) this.#step(pod)
  }

  /** From now on pods with these labels do not end when told to. */
  holdPods(selector: string): void {
    this.#immortal.push(parseSelector(selector))
  }

  releasePods(): void {
    this.#immortal.length = 0
    for (const pod of this.#cache.list(Pod)) this.#step(pod)
  }

  #step(pod: AnyPod): void {
    const node = pod.spec.nodeName
    if (!node || !this.#running.has(node)) return
    const labels = pod.metadata.labels
    const ends = pod.metadata.deletionTimestamp !== undefined
    if (ends && this.#immortal.some((selector) => matches(selector, labels))) return
    const ready = pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')
    const broken = this.#broken.some((selector) => matches(selector, labels))
    if (!ends && pod.status?.phase === 'Running' && (ready || broken)) return
    const id = `${pod.metadata.uid} ${ends}`
    if (this.#stepping.has(id)) return
    this.#stepping.add(id)
    this.#clock.after(ends ? STOP_MS : START_MS, () => {
      this.#stepping.delete(id)
      if (this.#ctx.signal.aborted || !this.#running.has(node)) return
      const work = ends ? this.#end(pod) : this.#run(pod, !broken)
      work.catch((err) => {
        if (!isNotFound(err) && !this.#ctx.signal.aborted) throw new Error(objectKey(pod), { cause: err })
      })
    })
  }

  async #end({ metadata: { name, namespace, uid } }: AnyPod): Promise<void> {
    await this.#client.delete(this.#ctx, Pod, { name, namespace }, { gracePeriodSeconds: 0, preconditions: { uid } })
  }

  async #run(pod: AnyPod, ready: boolean): Promise<void> {
    const { name, namespace } = pod.metadata
    const podIP = pod.status?.podIP ?? `10.244.0.${this.#nextAddress++}`
    const now = formatTime(this.#clock.now())
    const status = {
      phase: 'Running',
      podIP,
      podIPs: [{ ip: podIP }],
      startTime: pod.status?.startTime ?? now,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: now }],
    }
    await this.#patchStatus(Pod, { name, namespace }, status)
  }

  async #reportReady(name: string): Promise<void> {
    const now = formatTime(this.#clock.now())
    const condition = (type: string, status: string) => ({
      type,
      status,
      reason: 'KubeletReady',
      message: '',
      lastHeartbeatTime: now,
      lastTransitionTime: now,
    })
    const pressures = ['MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => condition(type, 'False'))
    await this.#patchStatus(Node, { name }, { conditions: [condition('Ready', 'True'), ...pressures] })
  }

  async #patchStatus(kind: unknown, target: { name: string; namespace?: string }, status: object): Promise<void> {
    await this.#client.patch(
      this.#ctx,
      kind as Kind,
      target,
      { type: 'strategic', body: { status } },
      { subresource: 'status' },
    )
  }

  async #renew(name: string): Promise<void> {
    if (!this.#running.has(name) || this.#ctx.signal.aborted) return
    const namespace = 'kube-node-lease'
    const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: formatMicroTime(this.#clock.now()) }
    const known = this.#cache.get(Lease, name, namespace)
    if (known) {
      await this.#client.patch(this.#ctx, Lease, { name, namespace }, { type: 'merge', body: { spec } })
    } else {
      await this.#client.create(this.#ctx, Lease, { metadata: { name, namespace }, spec }).catch(() => {})
    }
    this.#clock.after(RENEW_MS, () => {
      void this.#renew(name)
    })
  }
}
