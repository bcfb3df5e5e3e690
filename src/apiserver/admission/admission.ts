// Admission: an ordered list of plug-ins that may change an object on its way in (`mutate`) and then may refuse it (`validate`).
// A plug-in that has nothing to say about a request returns; one that refuses throws a StatusError.
import type { Kind } from '../../api/kinds/kind.ts'
import { forbidden, type StatusError } from '../../api/meta/errors.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import type { UserInfo } from '../../api/wire.ts'
import type { Logger } from '../../base/log.ts'
import { type Obj, refOf } from '../registry/call.ts'

export interface GroupVersionKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

/** How far the mutating part of the chain is. k8s: it runs once more when a plug-in asks for it, and never a third time. */
export interface Rounds {
  round: 0 | 1
  /** Set by a plug-in that changed the object after others had looked at it. */
  again: boolean
  /** Something outside this server changed the object: the verb puts back what isn't the client's to change. */
  touched: boolean
  /** What plug-ins remember from one round to the next, by their name. */
  readonly memory: Map<string, unknown>
}

export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  /** Of the resource. */
  readonly kind: Kind
  /** Of `object` and `old` where that isn't the resource's: Scale, Eviction, Binding, PodExecOptions … */
  readonly bodyKind: GroupVersionKind | undefined
  /** Empty for the object itself. */
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** Made here from generateName. k8s: webhooks that mutate don't see it yet. */
  readonly nameGenerated: boolean
  readonly user: UserInfo
  /** What is to be stored, or the body of an action; undefined for a delete. `mutate` may change it in place. */
  readonly object: KubeObject | undefined
  readonly old: Obj | undefined
  readonly dryRun: boolean
  readonly signal: AbortSignal
  readonly log: Logger
  readonly rounds: Rounds
  /** The operation's options as policies and webhooks see them: CreateOptions, UpdateOptions, DeleteOptions; none of a CONNECT. */
  options(): object | undefined
  warn(text: string): void
  /** For the audit log. @param level the least level of the log at which it is told; any unless given */
  annotate(key: string, value: string, level?: 'Request'): void
}

export interface AdmissionPlugin {
  readonly name: string
  /** May it have anything to say about objects of this kind? Asked once per kind; of all kinds, unless given. */
  concerns?(kind: Kind): boolean
  mutate?(request: AdmissionRequest): Promise<void> | void
  validate?(request: AdmissionRequest): Promise<void> | void
}

export interface Admission {
  mutate(request: AdmissionRequest): Promise<void>
  validate(request: AdmissionRequest): Promise<void>
}

export function admissionChain(plugins: readonly AdmissionPlugin[]): Admission {
  const byKind = new WeakMap<Kind, Record<'mutate' | 'validate', readonly AdmissionPlugin[]>>()
  /** A request on most kinds is shown to a handful of the thirty. */
  function concerned(kind: Kind) {
    let lists = byKind.get(kind)
    if (!lists) {
      const heard = plugins.filter((plugin) => plugin.concerns?.(kind) ?? true)
      lists = { mutate: heard.filter(({ mutate }) => mutate), validate: heard.filter(({ validate }) => validate) }
      byKind.set(kind, lists)
    }
    return lists
  }
  /** Most have nothing to wait for in most requests, and a turn of the event loop for each would cost more than they do. */
  async function ask(step: 'mutate' | 'validate', request: AdmissionRequest) {
    for (const plugin of concerned(request.kind)[step]) {
      const wait = plugin[step]!(request)
      if (wait) await wait
    }
  }
  return {
    async mutate(request) {
      const { rounds } = request
      await ask('mutate', request)
      if (!rounds.again) return
      rounds.round = 1
      await ask('mutate', request)
    },
    validate: (request) => ask('validate', request),
  }
}

/** The usual refusal: `pods "web" is forbidden: <why>`. */
export const refused = ({ kind, name }: AdmissionRequest, why: string): StatusError => forbidden(refOf(kind), name, why)
