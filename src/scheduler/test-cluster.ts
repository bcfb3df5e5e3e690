// For tests: small clusters from short descriptions.
import type { Node, Pod, PodSpec, Taint } from '../api/types/core.v1.ts'
import { ClusterState, type Lookups, noLookups } from './snapshot.ts'

interface NodeDescription {
  labels?: Record<string, string>
  cpu?: string
  memory?: string
  pods?: string
  taints?: Taint[]
  unschedulable?: boolean
  images?: Record<string, number>
  extended?: Record<string, string>
}

export function makeNode(name: string, d: NodeDescription = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      uid: `uid-${name}`,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { 'kubernetes.io/hostname': name, ...d.labels },
    },
    spec: { taints: d.taints, unschedulable: d.unschedulable },
    status: {
      allocatable: { cpu: d.cpu ?? '4', memory: d.memory ?? '8Gi', pods: d.pods ?? '110', ...d.extended },
      images: Object.entries(d.images ?? {}).map(([image, sizeBytes]) => ({ names: [image], sizeBytes })),
    },
  }
}

interface PodDescription {
  namespace?: string
  labels?: Record<string, string>
  cpu?: string
  memory?: string
  requests?: Record<string, string>
  image?: string
  hostPorts?: { hostPort: number; hostIP?: string; protocol?: 'TCP' | 'UDP' }[]
  priority?: number
  startTime?: string
  spec?: Partial<PodSpec>
  status?: Pod['status']
  uid?: string
}

export function makePod(name: string, d: PodDescription = {}): Pod {
  const requests = { ...(d.cpu && { cpu: d.cpu }), ...(d.memory && { memory: d.memory }), ...d.requests }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: d.namespace ?? 'blue',
      uid: d.uid ?? `uid-${name}`,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: d.labels,
    },
    spec: {
      priority: d.priority,
      containers: [
        {
          name: 'app',
          image: d.image ?? 'nginx',
          resources: { requests },
          ports: d.hostPorts?.map((port) => ({ containerPort: port.hostPort, ...port })),
        },
      ],
      ...d.spec,
    },
    status: { startTime: d.startTime, ...d.status },
  }
}

/** Nodes with the pods that run on them. */
export function makeCluster(
  nodes: readonly Node[],
  podsByNode: Record<string, readonly Pod[]> = {},
  lookups: Partial<Lookups> = {},
): ClusterState {
  const state = new ClusterState({ ...noLookups, ...lookups })
  for (const node of nodes) state.setNode(node)
  for (const [nodeName, pods] of Object.entries(podsByNode)) {
    for (const pod of pods) state.setPod({ ...pod, spec: { ...pod.spec, nodeName } })
  }
  return state
}
