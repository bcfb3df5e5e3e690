// POST to a collection: decode, name, default, admit, validate, store.
import { alreadyExists, badRequest, forbidden, StatusError } from '../../api/meta/errors.ts'
import { generatedName } from '../../api/meta/generate-name.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { finalizerWarnings, validateObjectMeta } from '../../api/meta/object-meta.ts'
import { decodeBody } from '../../api/schema/body.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { ApiResponse } from '../../api/wire.ts'
import { keyOf } from '../storage/keys.ts'
import { type Call, namespaceOf, type Registry, refOf } from './call.ts'
import { keepManagedFields, trackFields } from './fields.ts'
import { initialMetadata } from './metadata.ts'
import { present } from './present.ts'
import { fresh, type Shown, view } from './stored.ts'
import { admissionRequest, commit, complete, objectErrors, refuseInvalid } from './write.ts'
import { parseWriteOptions, type WriteOptions } from './write-options.ts'

/** k8s: a generated name that is taken is made anew this often. */
const NAME_TRIES = 8

export async function create(registry: Registry, call: Call): Promise<ApiResponse> {
  const options = parseWriteOptions(call, 'CreateOptions')
  const { object, warnings } = decodeBody(
    call.kind,
    call.request.body,
    call.request.headers['content-type'],
    options.validation,
  )
  call.warnings.push(...warnings)
  const created = await createObject(registry, call, object as unknown as KubeObject, options)
  return present(registry, call, created.object, created.json, 201)
}

/** @param wanted decoded and the caller's own: it is changed. Its managed fields are made here unless `apply` made them. */
export async function createObject(
  registry: Registry,
  call: Call,
  wanted: KubeObject,
  options: WriteOptions,
  managedFields?: KubeObject['metadata']['managedFields'],
): Promise<Shown> {
  const { kind } = call
  checkTarget(call, wanted)
  const { name, generateName } = wanted.metadata
  if (name || !generateName) return attempt(registry, call, wanted, options, managedFields)
  for (let tries = 1; ; tries++) {
    const candidate = cloneJson(wanted)
    candidate.metadata.name = generatedName(generateName, registry.random)
    try {
      return await attempt(registry, call, candidate, options, managedFields, true)
    } catch (err) {
      if (tries === NAME_TRIES || !(err instanceof NameTaken)) throw err
      if (err.details?.name !== candidate.metadata.name || err.details.kind !== kind.plural) throw err
    }
  }
}

/** Only the create's own collision: an admission plug-in may fail with an AlreadyExists of something else. */
class NameTaken extends StatusError {
  constructor(call: Call, name: string) {
    const { code, reason, message, details } = alreadyExists(refOf(call.kind), name)
    super(code, reason, message, details)
  }
}

async function attempt(
  registry: Registry,
  call: Call,
  obj: KubeObject,
  options: WriteOptions,
  managedFields: KubeObject['metadata']['managedFields'],
  nameGenerated = false,
): Promise<Shown> {
  const { kind } = call
  if (kind.custom?.terminating) {
    const why = 'create not allowed while custom resource definition is terminating'
    throw forbidden(refOf(kind), obj.metadata.name ?? '', why)
  }
  const nowMs = registry.clock.now()
  initialMetadata(kind, obj, registry.newUid(), nowMs)
  const hasStatus = kind.subresources.includes('status') && !kind.keepStatusOnCreate
  if (hasStatus) delete (obj as { status?: unknown }).status
  complete(kind, obj)
  // k8s: what admission changes has no owner.
  if (managedFields) obj.metadata.managedFields = managedFields
  else trackFields(kind, obj, undefined, { ...options, subresource: '', nowMs })
  const tracked = obj.metadata.managedFields
  const admission = admissionRequest(call, 'CREATE', obj, undefined, options.dryRun, { nameGenerated })
  await registry.admission.mutate(admission)
  if (admission.rounds.touched) keepManagedFields(obj, tracked, call.warnings)
  if (admission.rounds.touched) {
    kind.custom?.prune(obj)
    if (hasStatus) delete (obj as { status?: unknown }).status
  }
  kind.prepareForCreate?.(obj)
  complete(kind, obj)
  const ready = kind.ready?.(obj)
  if (ready) await ready
  const errors = [...validateObjectMeta(obj.metadata, metaRules(call)), ...objectErrors(kind, obj)]
  refuseInvalid(kind, obj.metadata.name ?? '', errors)
  if (kind.custom) call.warnings.push(...finalizerWarnings(obj.metadata.finalizers ?? []))
  if (kind.warnings) call.warnings.push(...kind.warnings(obj, undefined))
  await registry.admission.validate(admission)
  const { name } = obj.metadata
  const result = await commit(registry, call, { name, expect: 0, next: obj, old: undefined, dryRun: options.dryRun })
  if (result === 'dry run') return dryRunShown(registry, call, obj)
  if (!result.ok) throw new NameTaken(call, name)
  return view(kind, result.entry)
}

async function dryRunShown(registry: Registry, call: Call, obj: KubeObject): Promise<Shown> {
  const taken = await registry.store.get(keyOf(call.kind as never, namespaceOf(call), obj.metadata.name))
  if (taken) throw new NameTaken(call, obj.metadata.name)
  return fresh(obj)
}

export const metaRules = ({ kind }: Call) => ({
  namespaced: kind.scope === 'Namespaced',
  ...(kind.validateName ? { validateName: kind.validateName } : {}),
  ...(kind.custom ? { anyFinalizers: true } : {}),
})

/** Name and namespace of the body against those of the URL; fills in what only the URL says. */
export function checkTarget(call: Call, obj: KubeObject): void {
  obj.metadata ??= {} as KubeObject['metadata']
  const { metadata } = obj
  if (metadata.resourceVersion && metadata.resourceVersion !== '0') {
    throw badRequest('resourceVersion should not be set on objects to be created')
  }
  checkNamespace(call, obj)
  if (call.info.name && call.info.verb !== 'create') metadata.name ||= call.info.name
}

export function checkNamespace(call: Call, obj: KubeObject): void {
  const namespace = namespaceOf(call)
  obj.metadata ??= {} as KubeObject['metadata']
  const { metadata } = obj
  if (namespace === undefined) {
    // k8s: one that means nothing is forgotten.
    delete metadata.namespace
    return
  }
  if (namespace === '') throw badRequest('an empty namespace may not be set during creation')
  if (metadata.namespace && metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
  metadata.namespace = namespace
}
