// The plug-ins of the default profile, in the order in which they are asked; the first that rejects a node ends its chance. Weights
// multiply scores of 0 to 100. Adding a plug-in is adding its file and one line here. Scheduling gates are the queue's matter,
// preemption (after all nodes were rejected) stands in preemption.ts.
import type { Plugin } from './framework.ts'
import { balancedAllocation } from './plugins/balanced-allocation.ts'
import { imageLocality } from './plugins/image-locality.ts'
import { interPodAffinity } from './plugins/inter-pod-affinity.ts'
import { nodeAffinity } from './plugins/node-affinity.ts'
import { nodeName } from './plugins/node-name.ts'
import { nodePorts } from './plugins/node-ports.ts'
import { nodeResourcesFit } from './plugins/node-resources-fit.ts'
import { nodeUnschedulable } from './plugins/node-unschedulable.ts'
import { podTopologySpread } from './plugins/pod-topology-spread.ts'
import { taintToleration } from './plugins/taint-toleration.ts'
import { volumeBinding } from './plugins/volume-binding.ts'

export interface ProfileEntry {
  readonly plugin: Plugin
  /** Of its score; plug-ins that don't score have none. */
  readonly weight: number
}
export type Profile = readonly ProfileEntry[]

export const defaultProfile: Profile = [
  { plugin: nodeUnschedulable, weight: 0 },
  { plugin: nodeName, weight: 0 },
  { plugin: taintToleration, weight: 3 },
  { plugin: nodeAffinity, weight: 2 },
  { plugin: nodePorts, weight: 0 },
  { plugin: nodeResourcesFit, weight: 1 },
  { plugin: volumeBinding, weight: 0 },
  { plugin: podTopologySpread, weight: 2 },
  { plugin: interPodAffinity, weight: 2 },
  { plugin: balancedAllocation, weight: 1 },
  { plugin: imageLocality, weight: 1 },
]
