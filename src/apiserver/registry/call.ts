// One request on a resource, as the verbs see it, and what every verb stands on. The handler makes calls; a verb is a function of
// (registry, call).
import type { Kind } from '../../api/kinds/kind.ts'
import type { ResourceRef } from '../../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import type { ApiRequest, UserInfo } from '../../api/wire.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/log.ts'
import type { Admission } from '../admission/admission.ts'
import type { View } from '../negotiate.ts'
import type { PodsByNode } from '../pods-by-node.ts'
import type { RequestInfo } from '../request-info.ts'
import type { Resources } from '../resources.ts'
import type { Store } from '../storage/store.ts'
import type { CommitHooks } from './commit-hooks.ts'

export type Obj = DeepReadonly<KubeObject>

/** What all verbs share; one per server. */
export interface Registry {
  readonly store: Store
  readonly clock: Clock
  readonly resources: Resources
  readonly podsByNode: PodsByNode
  readonly admission: Admission
  /** What has to happen around the commit of particular kinds (addresses of Services). */
  readonly hooks: CommitHooks
  /** Numbers in [0, 1), for generated names. */
  readonly random: () => number
  readonly newUid: () => string
  /** Aborted when the server stops: watches end. */
  readonly stopping: AbortSignal
}

/** Something that the audit log is to say of a request. */
export interface AuditAnnotation {
  readonly key: string
  readonly value: string
  /** The least level of the log at which it is told; any where it isn't given. */
  readonly level: 'Request' | undefined
}

export interface Call {
  readonly request: ApiRequest
  readonly info: RequestInfo
  readonly kind: Kind
  readonly user: UserInfo
  readonly query: URLSearchParams
  readonly signal: AbortSignal
  readonly log: Logger
  /** How the client wants to see the answer. */
  readonly view: View
  readonly viewVersion?: 'v1beta1'
  /** Shown to the user by clients; sent as Warning headers. */
  readonly warnings: string[]
  /** By admission plug-ins, for the audit log. */
  readonly annotations: AuditAnnotation[]
}

/** A class for the sake of its accessor: those of a literal are made anew for each call. */
export class RequestCall implements Call {
  readonly request: ApiRequest
  readonly info: RequestInfo
  readonly kind: Kind
  readonly user: UserInfo
  readonly query: URLSearchParams
  readonly log: Logger
  readonly view: View
  readonly viewVersion?: 'v1beta1'
  readonly warnings: string[]
  readonly annotations: AuditAnnotation[] = []

  constructor(
    request: ApiRequest,
    info: RequestInfo,
    kind: Kind,
    log: Logger,
    view: View,
    viewVersion: 'v1beta1' | undefined,
  ) {
    this.request = request
    this.info = info
    this.kind = kind
    this.user = request.user
    this.query = request.query
    this.log = log
    this.view = view
    if (viewVersion) this.viewVersion = viewVersion
    this.warnings = kind.deprecated ? [kind.deprecated] : []
  }

  get signal(): AbortSignal {
    return this.request.signal
  }
}

/** The same call on something else. */
export const callOn = (call: Call, changes: { info: RequestInfo; kind?: Kind }): Call => ({
  ...call,
  // An accessor, which is not copied with the rest.
  get signal() {
    return call.signal
  },
  ...changes,
})

export const refOf = (kind: Kind): ResourceRef => ({ group: kind.group, resource: kind.plural })

/** The namespace that the call's object lives in; undefined for kinds that live in none. */
export const namespaceOf = ({ kind, info }: Call): string | undefined =>
  kind.scope === 'Namespaced' ? info.namespace : undefined
