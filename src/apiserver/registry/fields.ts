// Managed fields, in the registry's terms: which fields an endpoint writes, and tracking who wrote them.
import type { Kind } from '../../api/kinds/kind.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import type { ApplyTarget } from '../patch/apply.ts'
import { managedFieldsProblem, type PlainObject, trackUpdate } from '../patch/managed-fields.ts'
import type { Obj } from './call.ts'

export interface FieldWriter {
  readonly manager: string
  readonly subresource: string
  readonly nowMs: number
}

const targetsByKind = new WeakMap<Kind, Map<string, ApplyTarget>>()

export function writeTarget(kind: Kind, subresource: string): ApplyTarget {
  let targets = targetsByKind.get(kind)
  if (!targets) {
    targets = new Map()
    targetsByKind.set(kind, targets)
  }
  let target = targets.get(subresource)
  if (!target) {
    const { schema, apiVersion } = kind
    target = { schema, apiVersion, kind: kind.kind, subresource, resetFields: resetFields(kind, subresource) }
    targets.set(subresource, target)
  }
  return target
}

/** Fields that can't be set through this endpoint, so that nobody owns them through it. */
function resetFields(kind: Kind, subresource: string): string[] {
  if (subresource === 'status') return [...kind.schema.fields.keys()].filter((f) => !NOT_RESET.has(f))
  return kind.subresources.includes('status') ? ['status'] : []
}
const NOT_RESET: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'status'])

/** Puts who wrote what into `next`. */
export function trackFields(kind: Kind, next: KubeObject, old: Obj | undefined, writer: FieldWriter): void {
  const target = writeTarget(kind, writer.subresource)
  const now = formatTime(writer.nowMs)
  const plain = next as unknown as PlainObject
  const managedFields = trackUpdate(target, old as unknown as PlainObject | undefined, plain, writer.manager, now)
  setManagedFields(next, managedFields)
}

export function setManagedFields(obj: KubeObject, managedFields: KubeObject['metadata']['managedFields']): void {
  if (managedFields && managedFields.length > 0) obj.metadata.managedFields = managedFields
  else delete obj.metadata.managedFields
}

/** k8s: what admission left that cannot be understood is put back, and the client told. @param tracked as it was before */
export function keepManagedFields(
  obj: KubeObject,
  tracked: KubeObject['metadata']['managedFields'],
  warnings: string[],
): void {
  const why = managedFieldsProblem(obj.metadata.managedFields)
  if (!why) return
  setManagedFields(obj, tracked)
  warnings.push(
    `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${why}`,
  )
}
