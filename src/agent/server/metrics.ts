// Samples in Prometheus' text format: /metrics/resource (what metrics-server reads), /metrics/cadvisor and the agent's own counts. Pure.
import { formatFamily, labelText, type MetricFamily } from '../../base/metrics-text.ts'
import type { PodLookup } from './lookup.ts'
import type { Sample } from './samples.ts'

interface Family extends MetricFamily {
  values: { labels?: Record<string, string>; value: number; timeMs?: number }[]
}

function formatMetrics(families: readonly Family[]): string {
  const line = (name: string, { labels = {}, value, timeMs }: Family['values'][number]) =>
    `${name}${labelText(labels)} ${value}${timeMs === undefined ? '' : ` ${Math.floor(timeMs)}`}`
  return families
    .map((family) =>
      formatFamily(
        family,
        family.values.map((sample) => line(family.name, sample)),
      ),
    )
    .join('')
}

const seconds = (nanoseconds: number) => nanoseconds / 1e9

export function resourceMetrics(sample: Sample): string {
  const containers = sample.pods.flatMap(({ pod, containers }) =>
    containers.map((container) => ({
      container,
      labels: { container: container.name, namespace: pod.namespace, pod: pod.name },
    })),
  )
  const pods = sample.pods.map(({ pod, containers }) => ({
    labels: { namespace: pod.namespace, pod: pod.name },
    cpu: containers.reduce((total, c) => total + c.cpuUsageNanoseconds, 0),
    memory: containers.reduce((total, c) => total + c.memoryWorkingSetBytes, 0),
  }))
  const { timeMs, node } = sample
  return formatMetrics([
    {
      name: 'container_cpu_usage_seconds_total',
      type: 'counter',
      help: 'Cumulative cpu time consumed by the container in core-seconds',
      values: containers.map(({ labels, container: c }) => ({
        labels,
        value: seconds(c.cpuUsageNanoseconds),
        timeMs: c.timestampMs,
      })),
    },
    {
      name: 'container_memory_working_set_bytes',
      type: 'gauge',
      help: 'Current working set of the container in bytes',
      values: containers.map(({ labels, container: c }) => ({
        labels,
        value: c.memoryWorkingSetBytes,
        timeMs: c.timestampMs,
      })),
    },
    {
      name: 'container_start_time_seconds',
      type: 'gauge',
      help: 'Start time of the container since unix epoch in seconds',
      values: containers.flatMap(({ labels, container: c }) =>
        c.startedAtMs === undefined ? [] : [{ labels, value: c.startedAtMs / 1000 }],
      ),
    },
    {
      name: 'node_cpu_usage_seconds_total',
      type: 'counter',
      help: 'Cumulative cpu time consumed by the node in core-seconds',
      values: [{ value: seconds(node.cpuUsageNanoseconds), timeMs }],
    },
    {
      name: 'node_memory_working_set_bytes',
      type: 'gauge',
      help: 'Current working set of the node in bytes',
      values: [{ value: node.memoryWorkingSetBytes, timeMs }],
    },
    {
      name: 'pod_cpu_usage_seconds_total',
      type: 'counter',
      help: 'Cumulative cpu time consumed by the pod in core-seconds',
      values: pods.map(({ labels, cpu }) => ({ labels, value: seconds(cpu), timeMs })),
    },
    {
      name: 'pod_memory_working_set_bytes',
      type: 'gauge',
      help: 'Current working set of the pod in bytes',
      values: pods.map(({ labels, memory }) => ({ labels, value: memory, timeMs })),
    },
    {
      name: 'resource_scrape_error',
      type: 'gauge',
      help: '1 if there was an error while getting container metrics, 0 otherwise',
      values: [{ value: 0 }],
    },
  ])
}

export function cadvisorMetrics(sample: Sample): string {
  const containers = sample.pods.flatMap(({ pod, containers }) =>
    containers.map((c) => ({
      c,
      labels: {
        container: c.name,
        id: `/kubepods/pod${pod.uid}/${c.containerId}`,
        namespace: pod.namespace,
        pod: pod.name,
      },
    })),
  )
  const gauge = (
    name: string,
    help: string,
    of: (c: (typeof containers)[number]['c']) => number | undefined,
  ): Family => ({
    name,
    type: 'gauge',
    help,
    values: containers.flatMap(({ labels, c }) => {
      const value = of(c)
      return value === undefined ? [] : [{ labels, value, timeMs: c.timestampMs }]
    }),
  })
  return formatMetrics([
    {
      name: 'container_cpu_usage_seconds_total',
      type: 'counter',
      help: 'Cumulative cpu time consumed in seconds.',
      values: containers.map(({ labels, c }) => ({
        labels: { ...labels, cpu: 'total' },
        value: seconds(c.cpuUsageNanoseconds),
        timeMs: c.timestampMs,
      })),
    },
    gauge(
      'container_memory_usage_bytes',
      'Current memory usage in bytes, including all memory regardless of when it was accessed',
      (c) => c.memoryUsageBytes,
    ),
    gauge('container_memory_working_set_bytes', 'Current working set in bytes.', (c) => c.memoryWorkingSetBytes),
    gauge(
      'container_start_time_seconds',
      'Start time of the container since unix epoch in seconds.',
      (c) => c.startedAtMs && c.startedAtMs / 1000,
    ),
    {
      name: 'machine_memory_bytes',
      type: 'gauge',
      help: 'Amount of memory installed on the machine.',
      values: [{ value: sample.node.memoryTotalBytes }],
    },
  ])
}

/** What the kubelet counts of itself. */
export function agentMetrics(pods: PodLookup): string {
  const all = [...pods.list()]
  const containers = all.flatMap((pod) => [...pod.containers.values()])
  const running = containers.filter((container) => container.currentId && container.waitingReason === undefined).length
  const memory = process.memoryUsage.rss()
  const cpu = process.cpuUsage()
  return formatMetrics([
    {
      name: 'kubelet_running_pods',
      type: 'gauge',
      help: 'Number of pods that have a running pod sandbox',
      values: [{ value: all.filter((pod) => pod.sandboxId !== undefined).length }],
    },
    {
      name: 'kubelet_running_containers',
      type: 'gauge',
      help: 'Number of containers currently running',
      values: [{ labels: { container_state: 'running' }, value: running }],
    },
    {
      name: 'process_cpu_seconds_total',
      type: 'counter',
      help: 'Total user and system CPU time spent in seconds.',
      values: [{ value: (cpu.user + cpu.system) / 1e6 }],
    },
    {
      name: 'process_resident_memory_bytes',
      type: 'gauge',
      help: 'Resident memory size in bytes.',
      values: [{ value: memory }],
    },
  ])
}
