// What creating and updating have in common: completing, checking and committing an object.
import type { Kind } from '../../api/kinds/kind.ts'
import { type FieldError, invalidObject } from '../../api/meta/errors.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { applyDefaults, fillEmptyStructs } from '../../api/schema/defaults.ts'
import { enumErrors } from '../../api/schema/enums.ts'
import type { AdmissionRequest, GroupVersionKind } from '../admission/admission.ts'
import { keyOf } from '../storage/keys.ts'
import type { Revision, WriteResult } from '../storage/store.ts'
import { type Call, namespaceOf, type Obj, type Registry } from './call.ts'
import { operationOptions } from './operation-options.ts'
import { toStored } from './stored.ts'

/** Everything that an object of the kind has without being told. Idempotent. */
export function complete(kind: Kind, obj: KubeObject): void {
  applyDefaults(kind.schema, obj)
  kind.default?.(obj)
  fillEmptyStructs(kind.schema, obj)
}

/** What is wrong with an object by itself: its kind's rules, then the closed sets of the tables that those don't speak of. */
export function objectErrors(kind: Kind, obj: Obj): FieldError[] {
  const errors = kind.validate?.(obj) ?? []
  const said = (path: string) =>
    errors.some(({ field }) => path === field || path.startsWith(`${field}[`) || path.startsWith(`${field}.`))
  return [...errors, ...enumErrors(kind.schema, obj).filter(({ field }) => !said(field))]
}

/** @throws Invalid with every error at once */
export function refuseInvalid(kind: Kind, name: string, errors: FieldError[]): void {
  if (errors.length > 0) throw invalidObject(kind, name, errors)
}

export function admissionRequest(
  call: Call,
  operation: AdmissionRequest['operation'],
  object: KubeObject | undefined,
  old: Obj | undefined,
  dryRun: boolean,
  more: { bodyKind?: GroupVersionKind; nameGenerated?: boolean } = {},
): AdmissionRequest {
  return {
    operation,
    kind: call.kind,
    bodyKind: more.bodyKind,
    subresource: call.info.subresource,
    namespace: namespaceOf(call) ?? '',
    name: object?.metadata?.name || call.info.name,
    nameGenerated: more.nameGenerated === true,
    user: call.user,
    object,
    old,
    dryRun,
    signal: call.signal,
    log: call.log,
    rounds: { round: 0, again: false, touched: false, memory: new Map() },
    options: () => operationOptions(call, operation),
    warn: (text) => call.warnings.push(text),
    annotate: (key, value, level) => call.annotations.push({ key, value, level }),
  }
}

/** Admission of what is posted to a subresource or only asked for: a Binding, an Eviction, a review. It may be changed in place. */
export async function admitBody(
  registry: Registry,
  call: Call,
  bodyKind: GroupVersionKind | undefined,
  body: KubeObject,
  dryRun: boolean,
): Promise<void> {
  body.metadata ??= {} as KubeObject['metadata']
  const request = admissionRequest(call, 'CREATE', body, undefined, dryRun, bodyKind ? { bodyKind } : {})
  await registry.admission.mutate(request)
  await registry.admission.validate(request)
}

/**
 * Writes `next` (undefined: removes the object), holding what it claims while it is under way. `next` must not be touched again.
 * A dry run claims, and lets go.
 */
export async function commit(
  registry: Registry,
  call: Call,
  target: { name: string; expect: Revision; next: KubeObject | undefined; old: Obj | undefined; dryRun: boolean },
): Promise<WriteResult | 'dry run'> {
  const { kind } = call
  const { name, expect, next, old, dryRun } = target
  const claim = next ? registry.hooks.claim(kind, next, old, dryRun) : undefined
  let written: Revision | undefined
  try {
    if (dryRun) return 'dry run'
    const stored = next && toStored(kind, next)
    const object = stored instanceof Promise ? await stored : stored
    const volatile = next !== undefined && kind.volatile?.(next, old) === true
    const key = keyOf(kind as never, namespaceOf(call), name)
    const result = await registry.store.write({ key, expect, object, ...(volatile ? { volatile } : {}) })
    if (result.ok) written = result.entry.revision
    return result
  } finally {
    if (written === undefined) claim?.dropped()
    else claim?.committed(written)
  }
}
