// What every pod worker of a node shares.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type * as v1 from '../../api/types/core.v1.ts'
import type { Clock } from '../../base/clock.ts'
import type { Client } from '../../client/client.ts'
import type { EventRecorder } from '../../client/events.ts'
import type { PodSandboxConfig, RuntimeService } from '../cri/runtime.ts'
import type { Gate } from '../gate.ts'
import type { ImageManager } from '../images.ts'
import type { Prober } from '../probes/prober.ts'
import type { References } from '../references.ts'
import type { ServiceAccountTokens } from '../volumes/tokens.ts'
import type { VolumeStore } from '../volumes/volume-store.ts'

export interface NodeFacts {
  name: string
  ips: readonly string[]
  memoryBytes: number
  allocatable(): Readonly<Record<string, string>>
}

export interface PodDeps {
  client: Client
  runtime: RuntimeService
  images: ImageManager
  events: EventRecorder
  clock: Clock
  store: VolumeStore
  references: References
  tokens: ServiceAccountTokens
  prober: Prober
  /** Bounds how many sandboxes are started at once. */
  sandboxGate: Gate
  node: NodeFacts
  /** Prefix of container ids in the API: `docker`. */
  runtimeName: string
  clusterDomain: string
  dnsConfig(pod: DeepReadonly<Pod>): Promise<PodSandboxConfig['dnsConfig']>
  /** Services whose variables a pod of this namespace sees. */
  services(namespace: string): readonly DeepReadonly<v1.Service>[]
  /** False while the runtime does not answer. */
  engineUp(): boolean
}
