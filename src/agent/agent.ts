// A node of the cluster: keeps its Node object and its Lease, and runs the pods that are bound to it. Ends when the ctx is aborted; the
// containers run on, and the next agent adopts them.
import { mkdir } from 'node:fs/promises'
import { Node } from '../api/kinds/node.ts'
import { Service } from '../api/kinds/service.ts'
import type * as v1 from '../api/types/core.v1.ts'
import type { Clock } from '../base/clock.ts'
import { type Ctx, child } from '../base/ctx.ts'
import type { Cache } from '../client/cache.ts'
import type { Client, ListOptions } from '../client/client.ts'
import type { EventRecorder } from '../client/events.ts'
import type { ImageService, RuntimeService } from './cri/runtime.ts'
import { Gate } from './gate.ts'
import { ImageManager } from './images.ts'
import { type HostReader, hostReader } from './node/host.ts'
import { keepLease } from './node/lease.ts'
import { NodeReporter } from './node/reporter.ts'
import type { PodDeps } from './pods/deps.ts'
import { podDns } from './pods/pod-dns.ts'
import { PodPool } from './pods/pod-pool.ts'
import { Prober } from './probes/prober.ts'
import { References } from './references.ts'
import { servedPods } from './served-pods.ts'
import type { PodLookup } from './server/lookup.ts'
import { ServiceAccountTokens } from './volumes/tokens.ts'
import { VolumeStore } from './volumes/volume-store.ts'

/** More sandboxes at once than this only make each of them slower. */
const SANDBOXES_AT_ONCE = 8

export interface AgentOptions {
  client: Client
  /** Need only follow what `agentSelection` names. */
  cache: Cache
  runtime: RuntimeService
  images: ImageService
  events: EventRecorder
  clock: Clock
  nodeName: string
  nodeIPs: readonly string[]
  dataDir: string
  /** The addresses of the cluster's DNS Service; empty when there is none. */
  clusterDNS: readonly string[]
  clusterDomain: string
  /** The text of the node's resolv.conf; read from its files unless given. */
  readResolvConf?: () => Promise<string>
  /** As in container ids: `docker`. */
  runtimeName?: string
  podCIDR?: string
  labels?: Readonly<Record<string, string>>
  /** For a node that is registered for the first time. */
  taints?: readonly v1.Taint[]
  maxPods?: number
  /** Kept for the system: `{ cpu: '100m', memory: '256Mi' }`. */
  reserved?: Readonly<Record<string, string>>
  /** Where logs, exec and metrics are served. */
  agentPort?: number
  host?: HostReader
  /** Called once, before anything runs, with the way to find pods for the streaming server. */
  onLookup?(lookup: PodLookup): void
  /** Called once, with the way to say why the pod network is not ready (undefined: it is); the node is NotReady meanwhile. */
  onNetworkReport?(report: (problem: string | undefined) => void): void
}

/** What of a kind this node needs, for its process's cache: its own pods and itself, everything of the rest. */
export function agentSelection(nodeName: string): (kind: { kind: string; group: string }) => ListOptions {
  return ({ kind, group }) => {
    if (group !== '') return {}
    if (kind === 'Pod') return { fieldSelector: `spec.nodeName=${nodeName}` }
    return kind === 'Node' ? { fieldSelector: `metadata.name=${nodeName}` } : {}
  }
}

export async function runAgent(ctx: Ctx, options: AgentOptions): Promise<void> {
  const { client, cache, runtime, images, events, clock, nodeName, nodeIPs, dataDir } = options
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const host = options.host ?? hostReader(dataDir)
  const reporter = await NodeReporter.create(
    { client, runtime, images, events, clock, host },
    {
      name: nodeName,
      ips: nodeIPs,
      podCIDR: options.podCIDR,
      labels: options.labels ?? {},
      taints: options.taints ?? [],
      maxPods: options.maxPods ?? 110,
      reserved: options.reserved ?? {},
      agentPort: options.agentPort ?? 10_250,
    },
  )
  const references = new References(child(ctx, { part: 'references' }), client, clock)
  const prober = new Prober(child(ctx, { part: 'probes' }), { runtime, events, clock })
  const deps: PodDeps = {
    client,
    runtime,
    images: new ImageManager({ client, images, events, clock }, () => reporter.imagesChanged()),
    events,
    clock,
    store: new VolumeStore(dataDir),
    references,
    tokens: new ServiceAccountTokens(client, clock),
    prober,
    sandboxGate: new Gate(SANDBOXES_AT_ONCE),
    node: { name: nodeName, ips: nodeIPs, memoryBytes: reporter.memoryBytes, allocatable: () => reporter.allocatable },
    runtimeName: options.runtimeName ?? 'docker',
    clusterDomain: options.clusterDomain,
    dnsConfig: podDns({
      clusterDns: options.clusterDNS,
      clusterDomain: options.clusterDomain,
      events,
      ...(options.readResolvConf ? { readHost: options.readResolvConf } : {}),
    }),
    services: (namespace) => [
      ...cache.list(Service, { namespace }),
      ...(namespace === 'default' ? [] : cache.list(Service, { namespace: 'default' })),
    ],
    engineUp: () => pool.engineUp,
  }
  const unwatch = [
    cache.watch(Service),
    cache.watch(Node, ({ type, object }) => {
      if (object.metadata.name === nodeName) reporter.nodeChanged(type === 'deleted' ? undefined : object)
    }),
  ]
  const pool = new PodPool(ctx, {
    deps,
    cache,
    nodeLabels: () => reporter.labels,
    onEngine: (up) => reporter.engineChanged(up),
  })
  options.onLookup?.(servedPods(pool))
  options.onNetworkReport?.((problem) => reporter.networkChanged(problem))
  const lease = keepLease(child(ctx, { part: 'lease' }), {
    client,
    clock,
    nodeName,
    nodeUid: () => reporter.uid,
    onRenewed: () => void reporter.checkPressure().catch((err) => ctx.log.debug({ err }, 'free resources not read')),
  })
  try {
    await Promise.all([reporter.run(child(ctx, { part: 'node' })), lease, pool.run()])
  } finally {
    for (const stop of unwatch) stop()
    await Promise.all([references.settled(), prober.settled()])
  }
}
