// DELETE of one object: at once, or by marking it for whatever it still has to wait for.
import type { Kind } from '../../api/kinds/kind.ts'
import { conflict, notFound } from '../../api/meta/errors.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { ApiResponse } from '../../api/wire.ts'
import { objectResponse } from '../respond.ts'
import { keyOf } from '../storage/keys.ts'
import type { Entry } from '../storage/store.ts'
import { type Call, namespaceOf, type Obj, type Registry, refOf } from './call.ts'
import { parseDeleteOptions } from './delete-options.ts'
import { type DeleteOptions, isNamespace, orphansByDefault, planDelete } from './lifecycle.ts'
import { present } from './present.ts'
import { fresh, type Shown, view } from './stored.ts'
import { admissionRequest, commit } from './write.ts'

const MAX_ATTEMPTS = 30

/** k8s: kinds whose delete answers with the object even when it is gone already. */
const ANSWERS_OBJECT: ReadonlySet<string> = new Set([
  'pods',
  'services',
  'serviceaccounts',
  'podtemplates',
  'persistentvolumes',
  'persistentvolumeclaims',
  'resourcequotas',
])

export async function remove(registry: Registry, call: Call): Promise<ApiResponse> {
  const { kind } = call
  const options = parseDeleteOptions(call)
  if (kind.group === 'batch' && kind.plural === 'jobs' && options.propagation === undefined && orphansByDefault(kind)) {
    call.warnings.push(
      'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
    )
  }
  const outcome = await removeObject(registry, call, options)
  if (!outcome.gone || (kind.group === '' && ANSWERS_OBJECT.has(kind.plural))) {
    const accepted =
      !outcome.gone && options.propagation === 'Background' && call.query.get('orphanDependents') !== null
    return present(registry, call, outcome.shown.object, outcome.shown.json, accepted ? 202 : 200)
  }
  return objectResponse({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: call.info.name,
      ...(kind.group ? { group: kind.group } : {}),
      kind: kind.plural,
      uid: outcome.shown.object.metadata.uid,
    },
  })
}

export interface Removal {
  readonly shown: Shown
  readonly gone: boolean
}

/** @param admitted admission has been asked already, about what the delete is a part of */
export async function removeObject(
  registry: Registry,
  call: Call,
  options: DeleteOptions,
  admitted = false,
): Promise<Removal> {
  const { kind, info } = call
  const key = keyOf(kind as never, namespaceOf(call), info.name)
  for (let attempt = 1; ; attempt++) {
    const entry = await registry.store.get(key)
    if (!entry) throw notFound(refOf(kind), info.name)
    const removal = await attemptRemoval(registry, call, options, entry, admitted)
    if (removal) return removal
    if (attempt === MAX_ATTEMPTS) {
      throw conflict(refOf(kind), info.name, 'the object changed too often while it was being deleted; try again')
    }
  }
}

async function attemptRemoval(
  registry: Registry,
  call: Call,
  options: DeleteOptions,
  entry: Entry,
  admitted: boolean,
): Promise<Removal | undefined> {
  const { kind, info } = call
  const seen = view(kind, entry)
  const current = seen instanceof Promise ? await seen : seen
  const old = current.object
  checkPreconditions(call, options, old)
  if (!admitted) {
    const admission = admissionRequest(call, 'DELETE', undefined, old, options.dryRun)
    await registry.admission.mutate(admission)
    await registry.admission.validate(admission)
  }
  const nowMs = registry.clock.now()
  const plan = planDelete(kind, marked(kind, old, nowMs), options, nowMs)
  if (plan.action === 'none') return { shown: current, gone: false }
  const next = plan.action === 'mark' ? plan.object : undefined
  if (next && isNamespace(next)) terminating(next)
  const target = { name: info.name, expect: entry.revision, next, old, dryRun: options.dryRun }
  const result = await commit(registry, call, target)
  if (result === 'dry run') {
    const object: Obj = next ?? old
    return { shown: fresh(object), gone: next === undefined }
  }
  if (!result.ok) return undefined
  return { shown: await view(kind, result.entry), gone: next === undefined }
}

/** The object with what its kind adds to it when it is deleted for the first time. */
function marked(kind: Kind, old: Obj, nowMs: number): Obj {
  if (!kind.prepareForDelete || old.metadata.deletionTimestamp) return old
  const next = cloneJson(old) as KubeObject
  kind.prepareForDelete(next, nowMs)
  return next
}

function terminating(namespace: KubeObject & { status?: { phase?: string } }): void {
  namespace.status = { ...namespace.status, phase: 'Terminating' }
}

function checkPreconditions({ kind, info }: Call, { uid, resourceVersion }: DeleteOptions, old: Obj): void {
  // k8s: namespaces and definitions look themselves, before what all kinds have in common does.
  const own = isNamespace(old) || kind.prepareForDelete !== undefined
  const refuse = (what: string, asked: string, found: string, why: string) =>
    own
      ? conflict(
          refOf(kind),
          info.name,
          `Precondition failed: ${what} in precondition: ${asked}, ${what} in object meta: ${found}`,
        )
      : conflict(
          { group: kind.group, resource: kind.kind },
          info.name,
          `the ${what} in the precondition (${asked}) does not match the ${what} in record (${found}). The object might have been ${why}`,
        )
  if (uid && uid !== old.metadata.uid) throw refuse('UID', uid, old.metadata.uid, 'deleted and then recreated')
  if (resourceVersion && resourceVersion !== old.metadata.resourceVersion) {
    throw refuse('ResourceVersion', resourceVersion, old.metadata.resourceVersion, 'modified')
  }
}
