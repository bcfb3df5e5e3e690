// A kind of volume: one file per plug-in, all in one list (plugins.ts). Setting up is idempotent: it runs again after a restart of the
// agent, and whenever what a live volume shows has changed. Taking down is the same for all (cleanup.ts): unmount, then remove.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type * as v1 from '../../api/types/core.v1.ts'
import type { Ctx } from '../../base/ctx.ts'
import type { FieldContext } from '../pods/fields.ts'
import type { ServiceAccountTokens } from './tokens.ts'

export type VolumeSpec = DeepReadonly<v1.Volume>

/** What a plug-in may use, bound to one pod. */
export interface VolumeContext {
  pod: DeepReadonly<Pod>
  /** This volume's own directory on the node's disk; its parent exists. */
  diskDir: string
  /** The same in memory (a tmpfs), for what must never reach the disk. */
  memoryDir: string
  fsGroup: number | undefined
  /** undefined when there is no such object. */
  configMap(name: string): Promise<DeepReadonly<v1.ConfigMap> | undefined>
  secret(name: string): Promise<DeepReadonly<v1.Secret> | undefined>
  tokens: ServiceAccountTokens
  fields: FieldContext
  /** Set this volume up again then: what it shows is going to expire. */
  refreshAt(ms: number): void
}

export interface VolumePlugin {
  /** As in the standard: `kubernetes.io/empty-dir`. */
  readonly name: string
  handles(volume: VolumeSpec): boolean
  /** True when what it shows follows the API: set up again when the pod or an object it refers to changes. */
  readonly live: boolean
  /** @returns the path on the node that containers get. @throws Error with the sentence that FailedMount shows. */
  setUp(ctx: Ctx, volume: VolumeSpec, context: VolumeContext): Promise<string>
  /** The ConfigMaps and Secrets that it shows. */
  references?(volume: VolumeSpec): { kind: 'ConfigMap' | 'Secret'; name: string }[]
}
