// Calls the webhooks that a request concerns: those that mutate one after the other, each seeing what the one before it left, those
// that validate all at once. Loaded when the first configuration is there.
import type { Kind } from '../../../api/kinds/kind.ts'
import { semanticEqual } from '../../../api/meta/equality.ts'
import { forbidden, internal, notFound, type StatusError, timeout } from '../../../api/meta/errors.ts'
import type { Labels } from '../../../api/meta/label-selector.ts'
import type { KubeObject } from '../../../api/meta/object.ts'
import { cloneJson } from '../../../api/schema/clone.ts'
import type { Clock } from '../../../base/clock.ts'
import type { Authorize } from '../../authorize.ts'
import type { Metrics } from '../../metrics.ts'
import { type Obj, refOf } from '../../registry/call.ts'
import type { Resources } from '../../resources.ts'
import type { Store } from '../../storage/store.ts'
import { WebhookClient } from '../../webhooks/client.ts'
import type { WebhookUsers } from '../../webhooks/webhook-users.ts'
import type { AdmissionRequest } from '../admission.ts'
import { askHook, HookUnavailable, Refused, takeVerdict } from './call-hook.ts'
import { convert, Equivalents } from './equivalents.ts'
import type { Hook } from './hook.ts'
import {
  asksForNamespace,
  isNamespaceKind,
  matchingKind,
  namespaceMatches,
  namespaceOfRequest,
  objectMatches,
} from './match.ts'
import { beforeStorage, patchedObject, replaceObject } from './patched.ts'
import type { ShownAs } from './review.ts'
import { type HookType, WebhookMetrics } from './webhook-metrics.ts'

export interface DispatchParts {
  readonly store: Store
  readonly clock: Clock
  readonly random: () => number
  readonly newUid: () => string
  readonly resources: Resources
  readonly metrics: Metrics
  readonly authorize: Authorize
  /** As whom the webhooks of either sort are called. */
  readonly users?: { readonly mutating?: WebhookUsers | undefined; readonly validating?: WebhookUsers | undefined }
}

/** A webhook to call, and what it is shown. */
interface Invocation {
  readonly hook: Hook
  /** Its place among those that there are. */
  readonly index: number
  readonly kind: Kind
  readonly shown: ShownAs
}

/** Between two rounds of a request. */
interface MutatingMemory {
  /** Called with reinvocationPolicy IfNeeded, and nothing has changed the object since. */
  called: Set<string>
  /** To be called again. */
  again: Set<string>
  /** The object as the webhooks left it. */
  left: Obj | undefined
}

const MUTATION = 'mutation.webhook.admission.k8s.io/'
const PATCH = 'patch.webhook.admission.k8s.io/'
const VALIDATION_FAILED_OPEN = 'failed-open.validating.webhook.admission.k8s.io/'

export class Dispatcher {
  readonly #parts: DispatchParts
  readonly #client: WebhookClient
  readonly #equivalents: Equivalents
  readonly #metrics: WebhookMetrics

  constructor(parts: DispatchParts) {
    this.#parts = parts
    this.#client = new WebhookClient(parts)
    this.#equivalents = new Equivalents(parts.resources)
    this.#metrics = new WebhookMetrics(parts.metrics)
  }

  close(): void {
    this.#client.close()
  }

  async mutate(request: AdmissionRequest, hooks: readonly Hook[]): Promise<void> {
    const memory = mutatingMemory(request)
    const { rounds } = request
    if (rounds.round === 1 && !semanticEqual(memory.left, request.object)) requireAgain(memory)
    for (const [index, hook] of hooks.entries()) {
      const invocation = await this.#invocation(hook, index, request, 'admit')
      if (!invocation) continue
      if (rounds.round === 1 && !memory.again.has(hook.uid)) continue
      const changed = await this.#guarded(invocation, request, 'admit', () => this.#mutateBy(invocation, request))
      if (changed) {
        requireAgain(memory)
        rounds.again = true
        rounds.touched = true
      }
      if (hook.spec.reinvocationPolicy === 'IfNeeded') memory.called.add(hook.uid)
    }
    memory.left = request.object && cloneJson(request.object)
  }

  async validate(request: AdmissionRequest, hooks: readonly Hook[]): Promise<void> {
    const invocations: Invocation[] = []
    for (const hook of hooks) {
      const invocation = await this.#invocation(hook, invocations.length, request, 'validating')
      if (invocation) invocations.push(invocation)
    }
    const calls = invocations.map((invocation) =>
      this.#guarded(invocation, request, 'validating', async () => {
        const { hook, shown } = invocation
        takeVerdict(hook, request, await askHook(this.#callParts('validating'), hook, request, shown, false))
      }),
    )
    // All are waited for: what one of them says comes after none of the others is under way any more.
    for (const result of await Promise.allSettled(calls)) if (result.status === 'rejected') throw result.reason
  }

  #callParts(which: 'mutating' | 'validating') {
    return { client: this.#client, newUid: this.#parts.newUid, users: this.#parts.users?.[which] }
  }

  /** Undefined when the webhook isn't concerned. @throws StatusError */
  async #invocation(
    hook: Hook,
    index: number,
    request: AdmissionRequest,
    type: HookType,
  ): Promise<Invocation | undefined> {
    if (!objectMatches(hook, request)) return undefined
    const kind = matchingKind(hook, request, this.#equivalents.of(request.kind))
    if (!kind) return undefined
    if (asksForNamespace(hook, request) && !namespaceMatches(hook, await this.#namespaceLabels(request))) {
      return undefined
    }
    const shown = await shownAs(request, kind, type)
    if (!(await this.#conditionsHold(hook, request, shown, type))) return undefined
    return { hook, index, kind, shown }
  }

  /** @throws Forbidden when it can't be told and the webhook's policy is to fail */
  async #conditionsHold(hook: Hook, request: AdmissionRequest, shown: ShownAs, type: HookType): Promise<boolean> {
    const { name, failurePolicy, matchConditions = [] } = hook.spec
    if (matchConditions.length === 0) return true
    const { CelConditions } = await import('./cel-conditions.ts')
    hook.conditions ??= new CelConditions(matchConditions)
    const { matches, errors } = await hook.conditions.match(request, shown, this.#parts.authorize)
    if (errors.length > 0) this.#metrics.conditionFailed(name, type, request.operation)
    if (matches && errors.length === 0) return true
    if (matches && failurePolicy !== 'Ignore') throw conditionsFailed(request, errors)
    this.#metrics.excluded(name, type, request.operation)
    return false
  }

  /** k8s: of the Namespace itself as it will be; else as it is. @throws NotFound */
  async #namespaceLabels(request: AdmissionRequest): Promise<Labels | undefined> {
    const { kind, subresource, operation, object } = request
    const itself = isNamespaceKind(kind) && subresource === ''
    if (itself && (operation === 'CREATE' || operation === 'UPDATE')) return object?.metadata.labels
    const name = namespaceOfRequest(request)
    const entry = await this.#parts.store.get(`/registry/core/namespaces/${name}`)
    if (!entry) throw notFound({ group: '', resource: 'namespaces' }, name)
    return entry.object.metadata.labels
  }

  /** Makes the call and counts it; an unavailable webhook is ignored where its policy says so. */
  async #guarded<T>(
    { hook, index }: Invocation,
    request: AdmissionRequest,
    type: HookType,
    call: () => Promise<T>,
  ): Promise<T | undefined> {
    const { clock } = this.#parts
    const { name, failurePolicy } = hook.spec
    const { operation, rounds, log } = request
    const startedMs = clock.now()
    const count = (code: number, rejected: boolean) =>
      this.#metrics.called(name, type, operation, code, rejected, (clock.now() - startedMs) / 1000)
    try {
      const result = await call()
      count(200, false)
      return result
    } catch (err) {
      if (err instanceof HookUnavailable) {
        const open = failurePolicy === 'Ignore'
        if (!open) this.#metrics.rejected(name, type, operation, 'calling_webhook_error', err.status.code)
        count(err.status.code, !open)
        log.warn({ err: err.message, webhook: name, failurePolicy }, 'admission webhook could not be called')
        if (!open) throw internal(err.message, { cause: err })
        this.#metrics.failedOpen(name, type)
        const key = type === 'admit' ? `failed-open.${MUTATION}` : VALIDATION_FAILED_OPEN
        request.annotate(`${key}round_${rounds.round}_index_${index}`, name)
        if (request.signal.aborted) throw timeout('request did not complete within requested timeout')
        return undefined
      }
      if (err instanceof Refused) {
        this.#metrics.rejected(name, type, operation, 'no_error', err.status.code)
        count(err.status.code, true)
        throw err.status
      }
      this.#metrics.rejected(name, type, operation, 'apiserver_internal_error', 0)
      count(0, true)
      throw err
    }
  }

  /** True when the webhook changed the object. */
  async #mutateBy(invocation: Invocation, request: AdmissionRequest): Promise<boolean> {
    const { hook, index, kind, shown } = invocation
    const at = `round_${request.rounds.round}_index_${index}`
    let changed = false
    try {
      const verdict = await askHook(this.#callParts('mutating'), hook, request, shown, true)
      takeVerdict(hook, request, verdict)
      const patch = operationsOf(hook, verdict.patch, verdict.patchType)
      if (!patch) return false
      if (!request.object) throw cannotModify(hook)
      const before = shown.object as KubeObject
      const next = patchedObject(request, kind, before, patch)
      changed = !semanticEqual(next, before)
      const { configuration, spec } = hook
      const told = { configuration, webhook: spec.name, patch, patchType: 'JSONPatch' }
      request.annotate(PATCH + at, JSON.stringify(told), 'Request')
      if (changed) replaceObject(request, request.bodyKind ? next : await convert(next, kind, request.kind))
      return changed
    } finally {
      const { configuration, spec } = hook
      request.annotate(MUTATION + at, JSON.stringify({ configuration, webhook: spec.name, mutated: changed }))
    }
  }
}

async function shownAs(request: AdmissionRequest, kind: Kind, type: HookType): Promise<ShownAs> {
  const { object, old, bodyKind } = request
  const shown = object && type === 'admit' ? beforeStorage(request, object) : object
  if (bodyKind || kind === request.kind) return { kind, object: shown, old }
  return {
    kind,
    object: shown && (await convert(shown, request.kind, kind)),
    old: old && (await convert(old as KubeObject, request.kind, kind)),
  }
}

function mutatingMemory({ rounds }: AdmissionRequest): MutatingMemory {
  const key = 'MutatingAdmissionWebhook'
  let memory = rounds.memory.get(key) as MutatingMemory | undefined
  if (!memory) {
    memory = { called: new Set(), again: new Set(), left: undefined }
    rounds.memory.set(key, memory)
  }
  return memory
}

function requireAgain(memory: MutatingMemory): void {
  for (const uid of memory.called) memory.again.add(uid)
  memory.called.clear()
}

/** Undefined for a patch without operations. @throws HookUnavailable */
function operationsOf({ spec }: Hook, patch: string | undefined, patchType: string): unknown[] | undefined {
  if (!patch) return undefined
  const unusable = (why: string) =>
    new HookUnavailable(spec.name, why, internal('error decoding patch in webhook response'))
  if (patchType !== 'JSONPatch') throw unusable(`unsupported patch type ${JSON.stringify(patchType)}`)
  let operations: unknown
  try {
    operations = JSON.parse(patch)
  } catch (err) {
    throw unusable(`received undecodable patch in webhook response: ${(err as Error).message}`)
  }
  if (operations === null) return undefined
  if (!Array.isArray(operations)) throw unusable('received undecodable patch in webhook response: not a list')
  return operations.length > 0 ? operations : undefined
}

const cannotModify = ({ spec }: Hook): StatusError =>
  internal(
    `admission webhook ${JSON.stringify(spec.name)} attempted to modify the object, which is not supported for this operation`,
  )

function conditionsFailed({ kind, name }: AdmissionRequest, errors: readonly string[]): StatusError {
  const why = errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]`
  return forbidden(refOf(kind), name, why)
}
