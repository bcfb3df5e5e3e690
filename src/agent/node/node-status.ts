// The node as the API shows it: capacity, what of it is for pods, addresses, conditions, images. Pure.
import type { Node } from '../../api/kinds/node.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { canonicalQuantity, toMilli, toWhole } from '../../api/meta/quantity.ts'
import { formatTime } from '../../api/meta/time.ts'
import type * as v1 from '../../api/types/core.v1.ts'
import { GIT_VERSION } from '../../base/version.ts'
import type { Image } from '../cri/runtime.ts'
import type { HostFacts, HostFree } from './host.ts'

/** k8s: the eviction thresholds, kept free of pods. */
const KEPT_MEMORY_BYTES = 100 * 2 ** 20
const KEPT_DISK_SHARE = 0.1
const KEPT_PIDS = 1000
const MOST_IMAGES = 50
const MOST_NAMES_PER_IMAGE = 5

export interface NodeStatusInput {
  name: string
  ips: readonly string[]
  facts: HostFacts
  free: HostFree
  maxPods: number
  /** Quantities kept for the system, by resource. */
  reserved: Readonly<Record<string, string>>
  agentPort: number
  runtime: NodeRuntime | undefined
  /** Why the runtime does not answer; undefined while it does. */
  runtimeDown: string | undefined
  images: readonly Image[]
  nowMs: number
}
/** From the runtime's own description of itself. */
export interface NodeRuntime {
  runtimeName: string
  runtimeVersion: string
  os: string
  architecture: string
  kernelVersion: string
  osImage: string
}

export function nodeCapacity({ facts, maxPods }: Pick<NodeStatusInput, 'facts' | 'maxPods'>): Record<string, string> {
  return canonical({
    cpu: String(facts.cpus),
    'ephemeral-storage': `${Math.floor(facts.diskBytes / 1024)}Ki`,
    ...Object.fromEntries(Object.entries(facts.hugePageBytes).map(([name, bytes]) => [name, hugePages(bytes)])),
    memory: `${Math.floor(facts.memoryBytes / 1024)}Ki`,
    pods: String(maxPods),
  })
}

/** As the server writes them: what is posted must be what is read back. */
const canonical = (list: Record<string, string>) =>
  Object.fromEntries(Object.entries(list).map(([name, quantity]) => [name, canonicalQuantity(quantity)]))

const hugePages = (bytes: number) => (bytes === 0 ? '0' : `${bytes / 2 ** 20}Mi`)

export function nodeAllocatable(
  input: Pick<NodeStatusInput, 'facts' | 'maxPods' | 'reserved'>,
): Record<string, string> {
  const { facts, reserved } = input
  const huge = Object.values(facts.hugePageBytes).reduce((sum, bytes) => sum + bytes, 0)
  const milliCpu = Math.max(facts.cpus * 1000 - toMilli(reserved['cpu'] ?? '0'), 0)
  const memory = facts.memoryBytes - KEPT_MEMORY_BYTES - huge - toWhole(reserved['memory'] ?? '0')
  const disk = facts.diskBytes * (1 - KEPT_DISK_SHARE) - toWhole(reserved['ephemeral-storage'] ?? '0')
  return canonical({
    ...nodeCapacity(input),
    cpu: milliCpu % 1000 === 0 ? String(milliCpu / 1000) : `${milliCpu}m`,
    memory: `${Math.max(Math.floor(memory / 1024), 0)}Ki`,
    'ephemeral-storage': String(Math.max(Math.floor(disk), 0)),
  })
}

export function nodeStatus(input: NodeStatusInput, old: DeepReadonly<v1.NodeStatus> | undefined): v1.NodeStatus {
  const { name, ips, facts, runtime, agentPort } = input
  return {
    addresses: [
      ...ips.map((address) => ({ type: 'InternalIP', address }) as v1.NodeAddress),
      { type: 'Hostname', address: name } as v1.NodeAddress,
    ],
    allocatable: nodeAllocatable(input),
    capacity: nodeCapacity(input),
    conditions: nodeConditions(input, old),
    daemonEndpoints: { kubeletEndpoint: { Port: agentPort } },
    images: nodeImages(input.images),
    nodeInfo: {
      architecture: runtime?.architecture ?? old?.nodeInfo?.architecture ?? goArchitecture(),
      bootID: facts.bootID,
      containerRuntimeVersion: runtime
        ? `${runtime.runtimeName}://${runtime.runtimeVersion}`
        : (old?.nodeInfo?.containerRuntimeVersion ?? ''),
      kernelVersion: runtime?.kernelVersion ?? old?.nodeInfo?.kernelVersion ?? '',
      kubeProxyVersion: '',
      kubeletVersion: GIT_VERSION,
      machineID: facts.machineID,
      operatingSystem: runtime?.os ?? 'linux',
      osImage: runtime?.osImage ?? old?.nodeInfo?.osImage ?? '',
      systemUUID: facts.systemUUID,
    },
  }
}

/** As Go calls the machine. */
export const goArchitecture = () => ({ x64: 'amd64', ia32: '386' })[process.arch as 'x64'] ?? process.arch

interface Finding {
  type: v1.NodeCondition['type']
  status: 'True' | 'False'
  reason: string
  message: string
}

function nodeConditions(input: NodeStatusInput, old: DeepReadonly<v1.NodeStatus> | undefined): v1.NodeCondition[] {
  const { facts, free, nowMs, runtimeDown } = input
  const pressure = (type: Finding['type'], bad: boolean, good: [string, string], ill: [string, string]): Finding => ({
    type,
    status: bad ? 'True' : 'False',
    reason: (bad ? ill : good)[0],
    message: (bad ? ill : good)[1],
  })
  const found: Finding[] = [
    pressure(
      'MemoryPressure',
      free.memoryBytes < KEPT_MEMORY_BYTES,
      ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
      ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
    ),
    pressure(
      'DiskPressure',
      free.diskBytes < facts.diskBytes * KEPT_DISK_SHARE,
      ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
      ['KubeletHasDiskPressure', 'kubelet has disk pressure'],
    ),
    pressure(
      'PIDPressure',
      free.pids < KEPT_PIDS,
      ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
      ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
    ),
    runtimeDown === undefined
      ? { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }
      : { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: runtimeDown },
  ]
  const owned = found.map((finding) => {
    const before = old?.conditions?.find((c) => c.type === finding.type)
    const lastTransitionTime =
      before?.status === finding.status && before.lastTransitionTime ? before.lastTransitionTime : formatTime(nowMs)
    return { ...finding, lastHeartbeatTime: formatTime(nowMs), lastTransitionTime } as v1.NodeCondition
  })
  const others = (old?.conditions ?? []).filter((c) => !found.some((f) => f.type === c.type))
  return [...(others as v1.NodeCondition[]), ...owned]
}

/** The largest images with a few of their names each. */
function nodeImages(images: readonly Image[]): v1.ContainerImage[] {
  return images
    .filter((image) => image.tags.length + image.digests.length > 0)
    .sort((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, MOST_IMAGES)
    .map((image) => ({
      names: [...image.digests, ...image.tags].slice(0, MOST_NAMES_PER_IMAGE),
      sizeBytes: image.sizeBytes,
    }))
}

/** Labels that every node carries. */
export function nodeLabels(name: string, architecture: string, more: Readonly<Record<string, string>>) {
  return {
    'beta.kubernetes.io/arch': architecture,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': architecture,
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    ...more,
  }
}

/** What changed between two statuses, heartbeats aside, as a strategic merge patch; undefined when nothing did. */
export function nodeStatusPatch(
  old: DeepReadonly<Node>['status'],
  status: v1.NodeStatus,
  equal: (a: unknown, b: unknown) => boolean,
  heartbeat: boolean,
): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {}
  for (const field of ['allocatable', 'capacity', 'daemonEndpoints', 'images', 'nodeInfo'] as const)
    if (!equal(old?.[field], status[field])) patch[field] = status[field]
  if (!equal(old?.addresses, status.addresses)) {
    const stale = (old?.addresses ?? []).filter((a) => !status.addresses?.some((n) => n.type === a.type))
    patch['addresses'] = [...(status.addresses ?? []), ...stale.map((a) => ({ $patch: 'delete', type: a.type }))]
  }
  const still = (c: DeepReadonly<v1.NodeCondition> | undefined) => c && { ...c, lastHeartbeatTime: '' }
  const conditions = (status.conditions ?? []).filter((c) => {
    const before = old?.conditions?.find((o) => o.type === c.type)
    return heartbeat || !equal(still(before), still(c))
  })
  if (conditions.length > 0) patch['conditions'] = conditions
  return Object.keys(patch).length === 0 ? undefined : patch
}
