// One node with everything that scheduling asks of it, kept up to date pod by pod: what its pods request, which host ports they hold,
// which of them have affinity terms. `without` and `plus` make changed copies for "what if" questions.
import type { Labels } from '../api/meta/label-selector.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import type { Node, Taint } from '../api/types/core.v1.ts'
import { type Amounts, amountsOf, CPU, MEMORY, PODS } from './amounts.ts'
import type { HostPort, PodInfo } from './pod-info.ts'

export class NodeInfo {
  readonly name: string
  node: DeepReadonly<Node>
  labels: Labels = {}
  taints: readonly DeepReadonly<Taint>[] = []
  allocatable: Amounts = new Map()
  /** Bytes by image name. */
  imageSizes: ReadonlyMap<string, number> = new Map()
  readonly #pods = new Map<string, PodInfo>()
  readonly #withAffinity = new Map<string, PodInfo>()
  readonly #withAntiAffinity = new Map<string, PodInfo>()
  readonly #requested = new Map<string, number>()
  #scoringCpu = 0
  #scoringMemory = 0

  constructor(node: DeepReadonly<Node>) {
    this.name = node.metadata.name
    this.node = node
    this.setNode(node)
  }

  get pods(): ReadonlyMap<string, PodInfo> {
    return this.#pods
  }
  /** Pods with any affinity or anti-affinity term, required or preferred. */
  get podsWithAffinity(): ReadonlyMap<string, PodInfo> {
    return this.#withAffinity
  }
  get podsWithAntiAffinity(): ReadonlyMap<string, PodInfo> {
    return this.#withAntiAffinity
  }
  /** What the pods ask for, by resource; `pods` is their number. */
  get requested(): Amounts {
    return this.#requested
  }
  get scoringRequested(): { readonly milliCpu: number; readonly memoryBytes: number } {
    return { milliCpu: this.#scoringCpu, memoryBytes: this.#scoringMemory }
  }

  setNode(node: DeepReadonly<Node>): void {
    this.node = node
    this.labels = node.metadata.labels ?? {}
    this.taints = node.spec?.taints ?? []
    this.allocatable = amountsOf(node.status?.allocatable ?? node.status?.capacity ?? {})
    this.imageSizes = new Map(
      (node.status?.images ?? []).flatMap((image) => (image.names ?? []).map((name) => [name, image.sizeBytes ?? 0])),
    )
  }

  addPod(pod: PodInfo): void {
    this.removePod(pod.uid)
    this.#pods.set(pod.uid, pod)
    const anti = pod.antiAffinity.length > 0
    if (anti) this.#withAntiAffinity.set(pod.uid, pod)
    if (anti || pod.affinity.length + pod.preferredAffinity.length + pod.preferredAntiAffinity.length > 0) {
      this.#withAffinity.set(pod.uid, pod)
    }
    this.#count(pod, 1)
  }

  removePod(uid: string): void {
    const pod = this.#pods.get(uid)
    if (!pod) return
    this.#pods.delete(uid)
    this.#withAffinity.delete(uid)
    this.#withAntiAffinity.delete(uid)
    this.#count(pod, -1)
  }

  /** A copy as it would be with these pods gone and those there. The original stays as it is. */
  with(change: { gone?: Iterable<string>; added?: Iterable<PodInfo> }): NodeInfo {
    const copy = new NodeInfo(this.node)
    const gone = new Set(change.gone ?? [])
    for (const pod of this.#pods.values()) if (!gone.has(pod.uid)) copy.addPod(pod)
    for (const pod of change.added ?? []) copy.addPod(pod)
    return copy
  }

  /** k8s: a port is taken when protocol and number are the same and the addresses are, or one of them stands for all. */
  isPortTaken(wanted: HostPort): boolean {
    for (const pod of this.#pods.values()) {
      for (const held of pod.hostPorts) if (portsConflict(held, wanted)) return true
    }
    return false
  }

  #count(pod: PodInfo, sign: 1 | -1): void {
    for (const [resource, amount] of pod.requests) {
      this.#requested.set(resource, (this.#requested.get(resource) ?? 0) + sign * amount)
    }
    this.#requested.set(PODS, this.#pods.size)
    this.#scoringCpu += sign * (pod.scoringRequests.get(CPU) ?? 0)
    this.#scoringMemory += sign * (pod.scoringRequests.get(MEMORY) ?? 0)
  }
}

const EVERY_ADDRESS = '0.0.0.0'
export const portsConflict = (a: HostPort, b: HostPort) =>
  a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === EVERY_ADDRESS || b.ip === EVERY_ADDRESS)
