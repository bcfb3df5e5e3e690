// `/stats/summary`: a sample in the kubelet's form. Pure.
import type { ContainerSample, PodSample, Sample } from './samples.ts'

const timeOf = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
const sum = (containers: readonly ContainerSample[], of: (c: ContainerSample) => number) =>
  containers.reduce((total, container) => total + of(container), 0)

export function statsSummary(nodeName: string, sample: Sample, nodeStartedAtMs: number): object {
  const time = timeOf(sample.timeMs)
  const { node } = sample
  return {
    node: {
      nodeName,
      startTime: timeOf(nodeStartedAtMs),
      cpu: cpu(time, sample.nodeCpuNanoCores, node.cpuUsageNanoseconds),
      memory: {
        time,
        availableBytes: node.memoryTotalBytes - node.memoryWorkingSetBytes,
        usageBytes: node.memoryUsageBytes,
        workingSetBytes: node.memoryWorkingSetBytes,
      },
      fs: fs(time, node.fs),
      runtime: { imageFs: fs(time, node.fs) },
    },
    pods: sample.pods.map((pod) => podSummary(pod, time)),
  }
}

function podSummary({ pod, containers }: PodSample, time: string): object {
  const rates = containers.map((container) => container.cpuNanoCores)
  const rate = rates.every((value) => value !== undefined) ? sum(containers, (c) => c.cpuNanoCores ?? 0) : undefined
  return {
    podRef: { name: pod.name, namespace: pod.namespace, uid: pod.uid },
    ...(pod.startedAtMs === undefined ? {} : { startTime: timeOf(pod.startedAtMs) }),
    containers: containers.map((container) => {
      const at = timeOf(container.timestampMs)
      return {
        name: container.name,
        ...(container.startedAtMs === undefined ? {} : { startTime: timeOf(container.startedAtMs) }),
        cpu: cpu(at, container.cpuNanoCores, container.cpuUsageNanoseconds),
        memory: { time: at, usageBytes: container.memoryUsageBytes, workingSetBytes: container.memoryWorkingSetBytes },
        ...(container.writableLayerBytes === undefined
          ? {}
          : { rootfs: { time: at, usedBytes: container.writableLayerBytes } }),
      }
    }),
    cpu: cpu(
      time,
      rate,
      sum(containers, (c) => c.cpuUsageNanoseconds),
    ),
    memory: {
      time,
      usageBytes: sum(containers, (c) => c.memoryUsageBytes),
      workingSetBytes: sum(containers, (c) => c.memoryWorkingSetBytes),
    },
  }
}

const cpu = (time: string, nanoCores: number | undefined, nanoseconds: number) => ({
  time,
  ...(nanoCores === undefined ? {} : { usageNanoCores: nanoCores }),
  usageCoreNanoSeconds: nanoseconds,
})

const fs = (time: string, figures: Sample['node']['fs']) => ({
  time,
  availableBytes: figures.availableBytes,
  capacityBytes: figures.capacityBytes,
  usedBytes: figures.usedBytes,
  inodes: figures.inodes,
  inodesFree: figures.inodesFree,
  inodesUsed: figures.inodes - figures.inodesFree,
})
