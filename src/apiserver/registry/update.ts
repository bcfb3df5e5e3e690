// PUT, and what patches end in: make the next object from the current one, check the transition, store it if anything is different.
// A write that was decided on a state that is no longer current is decided anew, unless the client named the state it meant.
import {
  badRequest,
  conflict,
  invalid,
  invalidObject,
  notFound,
  type StatusError,
  staleVersion,
} from '../../api/meta/errors.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { finalizerWarnings, validateObjectMeta, validateObjectMetaUpdate } from '../../api/meta/object-meta.ts'
import { decodeBody } from '../../api/schema/body.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { ApiResponse } from '../../api/wire.ts'
import { keyOf } from '../storage/keys.ts'
import type { Entry } from '../storage/store.ts'
import { type Call, namespaceOf, type Obj, type Registry, refOf } from './call.ts'
import { checkNamespace, createObject, metaRules } from './create.ts'
import { type Endpoint, wholeObject } from './endpoint.ts'
import { admissionOf } from './endpoint-admission.ts'
import { keepManagedFields, setManagedFields, trackFields } from './fields.ts'
import { completesDeletion } from './lifecycle.ts'
import { unparsed } from './list-options.ts'
import { changedIdentity, desiredStateChanged, isUnchanged, keepOwnMetadata } from './metadata.ts'
import { present } from './present.ts'
import { fresh, isStoredOtherwise, type Shown, view } from './stored.ts'
import { commit, complete, refuseInvalid } from './write.ts'
import { parseWriteOptions, type WriteOptions } from './write-options.ts'

/** A write without a resourceVersion that loses this many races in a row is refused. */
const MAX_ATTEMPTS = 30

export interface Outcome {
  readonly shown: Shown
  readonly created: boolean
}

/** k8s: a node's name that the scheduler writes is no change of what the user wants. */
const KEEPS_GENERATION: ReadonlySet<string> = new Set(['status', 'binding'])

/** What a change makes of the current object. */
export interface Next {
  /** Fresh: it will be changed. */
  readonly object: KubeObject
  /** Apply has worked them out; otherwise they're tracked here. */
  readonly fieldsTracked?: boolean
}

/** Called once per attempt; `old` is undefined when there is no object yet and the endpoint may create it. */
export type Change = (old: Obj | undefined) => Next

export async function update(registry: Registry, call: Call, endpoint: Endpoint): Promise<ApiResponse> {
  const options = parseWriteOptions(call, 'UpdateOptions')
  const { body, headers } = call.request
  const { object, warnings } = decodeBody(call.kind, body, headers['content-type'], options.validation)
  call.warnings.push(...warnings)
  const wanted = object as unknown as KubeObject
  checkName(call, wanted)
  const creates = endpoint.creates && call.kind.allowCreateOnUpdate === true
  const outcome = await change(registry, call, endpoint, options, creates, () => ({ object: cloneJson(wanted) }))
  return present(registry, call, outcome.shown.object, outcome.shown.json, outcome.created ? 201 : 200)
}

export function checkName(call: Call, obj: KubeObject): void {
  obj.metadata ??= {} as KubeObject['metadata']
  const { name } = call.info
  if (!obj.metadata.name) {
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`)
  }
  if (obj.metadata.name !== name) {
    throw badRequest(`the name of the object (${obj.metadata.name}) does not match the name on the URL (${name})`)
  }
  checkNamespace(call, obj)
}

export async function change(
  registry: Registry,
  call: Call,
  endpoint: Endpoint,
  options: WriteOptions,
  creates: boolean,
  make: Change,
): Promise<Outcome> {
  const { kind, info } = call
  const key = keyOf(kind as never, namespaceOf(call), info.name)
  for (let attempt = 1; ; attempt++) {
    call.signal.throwIfAborted()
    const entry = await registry.store.get(key)
    if (!entry) {
      if (!creates) throw notFound(refOf(kind), info.name)
      const { object, fieldsTracked } = make(undefined)
      if (object.metadata.uid) throw noSuchObject(call, key, object.metadata.uid)
      delete (object.metadata as Partial<KubeObject['metadata']>).resourceVersion
      const managed = fieldsTracked ? object.metadata.managedFields : undefined
      return { shown: await createObject(registry, call, object, options, managed), created: true }
    }
    const result = await replace(registry, call, endpoint, options, make, entry)
    if (result) return { shown: result, created: false }
    if (attempt === MAX_ATTEMPTS) throw staleVersion(refOf(kind), info.name)
  }
}

/** One attempt; undefined when somebody else was quicker. */
async function replace(
  registry: Registry,
  call: Call,
  endpoint: Endpoint,
  options: WriteOptions,
  make: Change,
  entry: Entry,
): Promise<Shown | undefined> {
  const { kind, info } = call
  const seen = view(kind, entry)
  const current = seen instanceof Promise ? await seen : seen
  const old = current.object
  const next = make(old)
  const obj = next.object
  checkPreconditions(call, obj, old)
  const identity = changedIdentity(obj, old)
  const managedFields = obj.metadata.managedFields
  keepOwnMetadata(obj, old)
  complete(kind, obj)
  endpoint.restrict(kind, obj, old)
  const nowMs = registry.clock.now()
  // k8s: what admission changes has no owner.
  if (next.fieldsTracked) setManagedFields(obj, managedFields)
  else trackFields(kind, obj, old, { ...options, subresource: endpoint.subresource, nowMs })
  const tracked = obj.metadata.managedFields
  const admission = admissionOf(call, endpoint, obj, old, options.dryRun)
  await admission?.mutate(registry.admission)
  if (admission?.touched) {
    keepManagedFields(obj, tracked, call.warnings)
    kind.custom?.prune(obj)
    keepOwnMetadata(obj, old)
    complete(kind, obj)
    endpoint.restrict(kind, obj, old)
  }
  complete(kind, obj)
  const ready = kind.ready?.(obj)
  if (ready) await ready
  if (!KEEPS_GENERATION.has(endpoint.subresource) && kind.hasGeneration && desiredStateChanged(kind, obj, old)) {
    obj.metadata.generation = (old.metadata.generation ?? 0) + 1
  }
  if (identity.length === 0 && isUnchanged(obj, old) && !isStoredOtherwise(kind, entry)) {
    // k8s: who refuses writes refuses those too that change nothing.
    await admission?.validate(registry.admission)
    return current
  }
  refuseInvalid(kind, info.name, [
    ...identity,
    ...validateObjectMeta(obj.metadata, metaRules(call)),
    ...validateObjectMetaUpdate(obj.metadata, old.metadata),
    ...endpoint.errors(kind, obj, old),
  ])
  if (kind.custom) call.warnings.push(...finalizerWarnings(newFinalizers(obj, old)))
  if (kind.warnings && endpoint === wholeObject) call.warnings.push(...kind.warnings(obj, old))
  await admission?.validate(registry.admission)
  const ends = completesDeletion(obj)
  const result = await commit(registry, call, {
    name: info.name,
    expect: entry.revision,
    next: ends ? undefined : obj,
    old,
    dryRun: options.dryRun,
  })
  if (result === 'dry run') return fresh(obj)
  if (!result.ok) return undefined
  // The removed object is answered as the client wanted it, not as it was before.
  return ends ? fresh(obj) : view(kind, result.entry)
}

const newFinalizers = (obj: KubeObject, old: Obj) =>
  (obj.metadata.finalizers ?? []).filter((finalizer) => !old.metadata.finalizers?.includes(finalizer))

/** k8s: a write that names a uid means that very object. */
function noSuchObject(call: Call, key: string, uid: string): StatusError {
  const { kind, info } = call
  const why =
    info.verb === 'patch'
      ? `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`
      : unmetUid(key, uid, '')
  return conflict(refOf(kind), info.name, why)
}

const unmetUid = (key: string, asked: string, found: string) =>
  `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ` +
  `Precondition failed: UID in precondition: ${asked}, UID in object meta: ${found}`

function checkPreconditions(call: Call, obj: KubeObject, old: Obj): void {
  const { kind, info } = call
  const { uid, resourceVersion } = obj.metadata
  // A patch that names another uid would change it: see changedIdentity.
  if (uid && uid !== old.metadata.uid && info.verb !== 'patch') {
    const key = keyOf(kind as never, namespaceOf(call), info.name)
    throw conflict(refOf(kind), info.name, unmetUid(key, uid, old.metadata.uid))
  }
  if (resourceVersion && resourceVersion !== '0') {
    if (!/^\d{1,19}$/.test(resourceVersion)) throw badRequest(unparsed('ParseUint', resourceVersion))
    if (resourceVersion !== old.metadata.resourceVersion) throw staleVersion(refOf(kind), info.name)
  } else if (kind.allowUnconditionalUpdate === false) {
    const why = 'must be specified for an update'
    // k8s: names the resource instead of the kind.
    const named = { group: kind.group, kind: kind.plural }
    throw invalidObject(named, info.name, [invalid('metadata.resourceVersion', 0, why)])
  }
}
