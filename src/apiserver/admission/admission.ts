// Admission: an ordered list of plug-ins that may change an object on its way in (`mutate`) and then may refuse it (`validate`).
// A plug-in that has nothing to say about a request returns; one that refuses throws a StatusError.
import type { Kind } from '../../api/kinds/kind.ts'
import { forbidden, type StatusError } from '../../api/meta/errors.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import type { UserInfo } from '../../api/wire.ts'
import type { Logger } from '../../base/log.ts'
import { type Obj, refOf } from '../registry/call.ts'

export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  readonly kind: Kind
  /** Empty for the object itself. */
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly user: UserInfo
  /** What is to be stored, or the body of an action; undefined for a delete. `mutate` may change it in place. */
  readonly object: KubeObject | undefined
  readonly old: Obj | undefined
  readonly dryRun: boolean
  readonly signal: AbortSignal
  readonly log: Logger
  warn(text: string): void
  /** For the audit log: `pod-security.kubernetes.io/audit-violations`. The first value of a key stays. */
  annotate(key: string, value: string): void
}

export interface AdmissionPlugin {
  readonly name: string
  mutate?(request: AdmissionRequest): Promise<void> | void
  validate?(request: AdmissionRequest): Promise<void> | void
}

export interface Admission {
  mutate(request: AdmissionRequest): Promise<void>
  validate(request: AdmissionRequest): Promise<void>
}

export function admissionChain(plugins: readonly AdmissionPlugin[]): Admission {
  return {
    async mutate(request) {
      for (const plugin of plugins) await plugin.mutate?.(request)
    },
    async validate(request) {
      for (const plugin of plugins) await plugin.validate?.(request)
    },
  }
}

/** The usual refusal: `pods "web" is forbidden: <why>`. */
export const refused = ({ kind, name }: AdmissionRequest, why: string): StatusError => forbidden(refOf(kind), name, why)
