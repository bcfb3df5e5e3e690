// Keeps the Node object true: registers it (again, when it is gone), posts its status when something changed and otherwise every five
// minutes. Labels and taints of others are kept. Also the only one who knows what of the machine is for pods.
import { Node } from '../../api/kinds/node.ts'
import { semanticEqual } from '../../api/meta/equality.ts'
import { isAlreadyExists, isNotFound, isStatus } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type * as v1 from '../../api/types/core.v1.ts'
import { type Clock, delay } from '../../base/clock.ts'
import { aborted, type Ctx } from '../../base/ctx.ts'
import { BackOff } from '../../client/back-off.ts'
import type { Client } from '../../client/client.ts'
import type { EventRecorder } from '../../client/events.ts'
import type { Image, ImageService, RuntimeService } from '../cri/runtime.ts'
import type { HostFacts, HostFree, HostReader } from './host.ts'
import {
  goArchitecture,
  type NodeRuntime,
  nodeAllocatable,
  nodeLabels,
  nodeStatus,
  nodeStatusPatch,
} from './node-status.ts'

const HEARTBEAT_MS = 300_000

export interface NodeOptions {
  name: string
  ips: readonly string[]
  podCIDR?: string | undefined
  labels: Readonly<Record<string, string>>
  taints: readonly v1.Taint[]
  maxPods: number
  reserved: Readonly<Record<string, string>>
  agentPort: number
}
export interface NodeReporterDeps {
  client: Client
  runtime: RuntimeService
  images: ImageService
  events: EventRecorder
  clock: Clock
  host: HostReader
}

export class NodeReporter {
  readonly #deps: NodeReporterDeps
  readonly #options: NodeOptions
  readonly #facts: HostFacts
  #free: HostFree
  #node: DeepReadonly<Node> | undefined
  #runtime: NodeRuntime | undefined
  #runtimeDown: string | undefined = 'container runtime status check may not have completed yet'
  #images: readonly Image[] = []
  #imagesStale = true
  /** What of our last write the server did not take over: no reason to write it again. */
  #residue: string | undefined
  #told = new Map<string, string>()
  #changed = Promise.withResolvers<void>()
  /** Resolved when the runtime has answered, or failed to, for the first time. */
  #networkProblem: string | undefined
  readonly #engineKnown = Promise.withResolvers<void>()

  private constructor(deps: NodeReporterDeps, options: NodeOptions, facts: HostFacts, free: HostFree) {
    this.#deps = deps
    this.#options = options
    this.#facts = facts
    this.#free = free
  }

  static async create(deps: NodeReporterDeps, options: NodeOptions): Promise<NodeReporter> {
    return new NodeReporter(deps, options, await deps.host.facts(), await deps.host.free())
  }

  get uid(): string | undefined {
    return this.#node?.metadata.uid
  }
  get memoryBytes(): number {
    return this.#facts.memoryBytes
  }
  get allocatable(): Record<string, string> {
    return nodeAllocatable({ facts: this.#facts, maxPods: this.#options.maxPods, reserved: this.#options.reserved })
  }
  /** As the API has them, or as they will be. */
  get labels(): Readonly<Record<string, string>> {
    return this.#node?.metadata.labels ?? this.#ownLabels()
  }

  /** Somebody else changed the Node object. */
  nodeChanged(node: DeepReadonly<Node> | undefined): void {
    if (node && Number(node.metadata.resourceVersion) < Number(this.#node?.metadata.resourceVersion ?? 0)) return
    if (!node && !this.#node) return
    this.#node = node
    // Somebody else's word on our conditions (Unknown, after an outage) is corrected.
    if (!node || !this.#isTrue()) this.#wake()
  }

  engineChanged(up: boolean): void {
    this.#engineKnown.resolve()
    const down = up ? undefined : 'container runtime is down'
    if (up && this.#runtimeDown !== undefined) this.#imagesStale = true
    if (this.#runtimeDown === down) return
    this.#runtimeDown = down
    this.#wake()
  }

  /** @param problem why pods cannot be given a network; undefined when they can. */
  networkChanged(problem: string | undefined): void {
    if (this.#networkProblem === problem) return
    this.#networkProblem = problem
    this.#wake()
  }

  imagesChanged(): void {
    this.#imagesStale = true
    this.#wake()
  }

  /** Looks at what is free; a word is said only when that changes a condition. */
  async checkPressure(): Promise<void> {
    const before = this.#status()
      .conditions?.map((c) => c.status)
      .join()
    this.#free = await this.#deps.host.free()
    if (
      this.#status()
        .conditions?.map((c) => c.status)
        .join() !== before
    )
      this.#wake()
  }

  /** Lasts until the ctx is aborted. */
  async run(ctx: Ctx): Promise<void> {
    const { clock } = this.#deps
    const backOff = new BackOff({ firstMs: 200, maxMs: 7000, jitter: 0.1 })
    let postedAtMs = 0
    while (!ctx.signal.aborted) {
      this.#changed = Promise.withResolvers<void>()
      try {
        this.#node ??= await this.#register(ctx)
        // A restart of the agent must not show the node as not ready for a moment.
        await Promise.race([this.#engineKnown.promise, aborted(ctx.signal)])
        if (ctx.signal.aborted) return
        await this.#refresh(ctx)
        const heartbeat = clock.now() - postedAtMs >= HEARTBEAT_MS
        if (await this.#post(ctx, heartbeat)) postedAtMs = clock.now()
        backOff.reset()
        // Images come and go without us, too: the heartbeat is the time to look.
        const timer = clock.after(Math.max(postedAtMs + HEARTBEAT_MS - clock.now(), 0), () => this.imagesChanged())
        await Promise.race([this.#changed.promise, aborted(ctx.signal)])
        timer.cancel()
      } catch (err) {
        if (ctx.signal.aborted) return
        if (isNotFound(err)) this.#node = undefined
        // What the API refuses it will refuse again, and then somebody has to know why the node isn't there.
        const level = isStatus(err, 'Forbidden') || isStatus(err, 'Invalid') ? 'warn' : 'debug'
        ctx.log[level]({ err }, 'node status not posted')
        await delay(clock, backOff.nextMs(), ctx.signal).catch(() => undefined)
      }
    }
  }

  /** Whether the API has what we would write, as far as the server lets it. */
  #isTrue(): boolean {
    const patch = nodeStatusPatch(this.#node?.status, this.#status(), semanticEqual, false)
    return !patch || JSON.stringify(Object.keys(patch)) === this.#residue
  }

  #wake(): void {
    this.#changed.resolve()
  }

  #ownLabels(): Record<string, string> {
    const { name, labels } = this.#options
    return nodeLabels(name, this.#runtime?.architecture ?? goArchitecture(), labels)
  }

  #status(): v1.NodeStatus {
    const { name, ips, maxPods, reserved, agentPort } = this.#options
    return nodeStatus(
      {
        name,
        ips,
        facts: this.#facts,
        free: this.#free,
        maxPods,
        reserved,
        agentPort,
        runtime: this.#runtime,
        runtimeDown: this.#runtimeDown ?? networkDown(this.#networkProblem),
        images: this.#images,
        nowMs: this.#deps.clock.now(),
      },
      this.#node?.status,
    )
  }

  /** What only the runtime can tell. While it is away the last answer stands. */
  async #refresh(ctx: Ctx): Promise<void> {
    if (!this.#imagesStale || this.#runtimeDown !== undefined) return
    try {
      const [version, images] = await Promise.all([this.#deps.runtime.version(ctx), this.#deps.images.listImages(ctx)])
      this.#runtime = version
      this.#images = images
      this.#imagesStale = false
    } catch (err) {
      ctx.signal.throwIfAborted()
      ctx.log.debug({ err }, 'runtime could not be described')
    }
  }

  async #register(ctx: Ctx): Promise<DeepReadonly<Node>> {
    const { client } = this.#deps
    const { name, podCIDR, taints } = this.#options
    const labels = this.#ownLabels()
    const annotations = { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' }
    const existing = await client.get(ctx, Node, name).catch((err) => {
      if (isNotFound(err)) return undefined
      throw err
    })
    if (!existing) {
      const spec = {
        ...(podCIDR ? { podCIDR, podCIDRs: [podCIDR] } : {}),
        ...(taints.length > 0 ? { taints: [...taints] } : {}),
      }
      try {
        const node = await client.create(ctx, Node, { metadata: { name, labels, annotations }, spec })
        ctx.log.info({ node: name }, 'node registered')
        return node
      } catch (err) {
        if (!isAlreadyExists(err)) throw err
        return client.get(ctx, Node, name)
      }
    }
    const missing = Object.entries(labels).filter(([key, value]) => existing.metadata.labels?.[key] !== value)
    const wantsCIDR = podCIDR !== undefined && !existing.spec?.podCIDR
    if (missing.length === 0 && !wantsCIDR) return existing
    const body = {
      metadata: { labels: Object.fromEntries(missing) },
      ...(wantsCIDR ? { spec: { podCIDR, podCIDRs: [podCIDR] } } : {}),
    }
    return client.patch(ctx, Node, { name }, { type: 'strategic', body })
  }

  /** @returns whether anything was written. */
  async #post(ctx: Ctx, heartbeat: boolean): Promise<boolean> {
    const status = this.#status()
    const patch = nodeStatusPatch(this.#node?.status, status, semanticEqual, heartbeat)
    if (!patch) return false
    const body = { status: patch }
    const target = { name: this.#options.name }
    const options = { subresource: 'status' as const }
    this.#node = await this.#deps.client.patch(ctx, Node, target, { type: 'strategic', body }, options)
    const left = nodeStatusPatch(this.#node.status, status, semanticEqual, false)
    this.#residue = left && JSON.stringify(Object.keys(left))
    if (this.#told.size === 0) this.#event('Starting', 'Starting kubelet.')
    this.#tell(status)
    return true
  }

  /** k8s: an event for each condition that is now another than this agent last told. */
  #tell(status: v1.NodeStatus): void {
    const { name } = this.#options
    for (const { type, status: now } of status.conditions ?? []) {
      const reason = CONDITION_EVENTS[type]?.[now === 'True' ? 0 : 1]
      if (!reason || this.#told.get(type) === reason) continue
      this.#told.set(type, reason)
      this.#event(reason, `Node ${name} status is now: ${reason}`)
    }
  }

  #event(reason: string, message: string): void {
    const about = { ...this.#node!, apiVersion: 'v1', kind: 'Node' } as DeepReadonly<Node>
    this.#deps.events.event(about, 'Normal', reason, message)
  }
}

const CONDITION_EVENTS: Readonly<Record<string, readonly [string, string]>> = {
  Ready: ['NodeReady', 'NodeNotReady'],
  MemoryPressure: ['NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
  DiskPressure: ['NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
  PIDPressure: ['NodeHasInsufficientPID', 'NodeHasSufficientPID'],
}

/** k8s: the kubelet's sentence for a runtime whose network plugin is not ready. */
const networkDown = (problem: string | undefined) =>
  problem === undefined
    ? undefined
    : `container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:${problem}`
