// The cluster as the scheduler sees it: nodes with their pods, bound or only assumed, and the few other objects that decisions look up.
// It is kept up to date change by change. A decision runs without awaiting, so that it sees one state; `withNode` makes a variant that
// differs in one node, for preemption and "what if".
import type { Labels } from '../api/meta/label-selector.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../api/types/core.v1.ts'
import type { LabelSelector } from '../api/types/meta.v1.ts'
import type { PodDisruptionBudget } from '../api/types/policy.v1.ts'
import type { StorageClass } from '../api/types/storage.v1.ts'
import { NodeInfo } from './node-info.ts'
import { type PodInfo, podInfo } from './pod-info.ts'

/** Objects that decisions look up; from the cache in a running scheduler, plain data in tests. */
export interface Lookups {
  namespaceLabels(namespace: string): Labels
  claim(namespace: string, name: string): DeepReadonly<PersistentVolumeClaim> | undefined
  volume(name: string): DeepReadonly<PersistentVolume> | undefined
  storageClass(name: string): DeepReadonly<StorageClass> | undefined
  budgets(namespace: string): readonly DeepReadonly<PodDisruptionBudget>[]
  /** Selectors of the Services and controllers that the pod belongs to: what it is spread with when it doesn't say. */
  ownSelectors(pod: DeepReadonly<Pod>): readonly DeepReadonly<LabelSelector>[]
}

export const noLookups: Lookups = {
  namespaceLabels: () => ({}),
  claim: () => undefined,
  volume: () => undefined,
  storageClass: () => undefined,
  budgets: () => [],
  ownSelectors: () => [],
}

export interface Snapshot {
  readonly lookups: Lookups
  /** In the order in which they came. */
  readonly nodes: readonly NodeInfo[]
  node(name: string): NodeInfo | undefined
  /** Pods that are to come to the node once their victims have gone; of at least this priority, the pod itself left out. */
  nominatedTo(nodeName: string, pod: PodInfo): readonly PodInfo[]
  /** The same cluster with this node's info in place of the one of the same name. */
  withNode(node: NodeInfo): Snapshot
}

export class ClusterState implements Snapshot {
  readonly lookups: Lookups
  readonly #nodesByName = new Map<string, NodeInfo>()
  #nodes: readonly NodeInfo[] | undefined
  /** Where each pod is counted, assumed ones included. */
  readonly #nodeNameByPod = new Map<string, string>()
  /** Pods whose node isn't known (yet), by node name. */
  readonly #strays = new Map<string, Map<string, PodInfo>>()
  readonly #assumed = new Set<string>()
  readonly #nominations = new Map<string, { nodeName: string; pod: PodInfo }>()

  constructor(lookups: Lookups = noLookups) {
    this.lookups = lookups
  }

  get nodes(): readonly NodeInfo[] {
    this.#nodes ??= [...this.#nodesByName.values()]
    return this.#nodes
  }

  node(name: string): NodeInfo | undefined {
    return this.#nodesByName.get(name)
  }

  setNode(node: DeepReadonly<Node>): void {
    const { name } = node.metadata
    const known = this.#nodesByName.get(name)
    if (known) {
      known.setNode(node)
      return
    }
    const info = new NodeInfo(node)
    for (const pod of this.#strays.get(name)?.values() ?? []) info.addPod(pod)
    this.#strays.delete(name)
    this.#nodesByName.set(name, info)
    this.#nodes = undefined
  }

  deleteNode(name: string): void {
    const info = this.#nodesByName.get(name)
    if (!info) return
    if (info.pods.size > 0) this.#strays.set(name, new Map(info.pods))
    this.#nodesByName.delete(name)
    this.#nodes = undefined
  }

  /** A pod is on its node, or was changed there. Confirms an assumed one. */
  setPod(pod: DeepReadonly<Pod>): void {
    this.#assumed.delete(pod.metadata.uid)
    this.#nominations.delete(pod.metadata.uid)
    this.#place(podInfo(pod), pod.spec.nodeName!)
  }

  deletePod(uid: string): void {
    this.#assumed.delete(uid)
    this.#nominations.delete(uid)
    this.#remove(uid)
  }

  /** Counts the pod on the node before the API says so, while the binding is under way. */
  assume(pod: DeepReadonly<Pod>, nodeName: string): void {
    this.#assumed.add(pod.metadata.uid)
    this.#place(podInfo(pod), nodeName)
  }

  /** The binding did not come about. True when the pod was still only assumed. */
  forget(uid: string): boolean {
    if (!this.#assumed.delete(uid)) return false
    this.#remove(uid)
    return true
  }

  isAssumed(uid: string): boolean {
    return this.#assumed.has(uid)
  }

  /** The pod waits for this node's victims to go; undefined takes the nomination back. */
  nominate(pod: DeepReadonly<Pod>, nodeName: string | undefined): void {
    if (nodeName) this.#nominations.set(pod.metadata.uid, { nodeName, pod: podInfo(pod) })
    else this.#nominations.delete(pod.metadata.uid)
  }

  nominatedTo(nodeName: string, pod: PodInfo): readonly PodInfo[] {
    if (this.#nominations.size === 0) return []
    return this.nominations(nodeName).filter((other) => other.uid !== pod.uid && other.priority >= pod.priority)
  }

  /** Every pod nominated to the node. */
  nominations(nodeName: string): PodInfo[] {
    return [...this.#nominations.values()].filter((n) => n.nodeName === nodeName).map((n) => n.pod)
  }

  withNode(node: NodeInfo): Snapshot {
    return variant(this, node)
  }

  #place(pod: PodInfo, nodeName: string): void {
    this.#remove(pod.uid)
    this.#nodeNameByPod.set(pod.uid, nodeName)
    const info = this.#nodesByName.get(nodeName)
    if (info) {
      info.addPod(pod)
      return
    }
    const strays = this.#strays.get(nodeName) ?? new Map<string, PodInfo>()
    this.#strays.set(nodeName, strays.set(pod.uid, pod))
  }

  #remove(uid: string): void {
    const nodeName = this.#nodeNameByPod.get(uid)
    if (nodeName === undefined) return
    this.#nodeNameByPod.delete(uid)
    this.#nodesByName.get(nodeName)?.removePod(uid)
    const strays = this.#strays.get(nodeName)
    if (strays?.delete(uid) && strays.size === 0) this.#strays.delete(nodeName)
  }
}

function variant(base: Snapshot, changed: NodeInfo): Snapshot {
  return {
    lookups: base.lookups,
    nodes: base.nodes.map((node) => (node.name === changed.name ? changed : node)),
    node: (name) => (name === changed.name ? changed : base.node(name)),
    nominatedTo: (nodeName, pod) => base.nominatedTo(nodeName, pod),
    withNode(node) {
      return variant(this, node)
    },
  }
}
