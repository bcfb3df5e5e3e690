// What a mutating webhook's patch makes of the object it was shown: patched, decoded by the kind's schema (which prunes), defaulted,
// and with what only the server sets put back.

import type { Kind } from '../../../api/kinds/kind.ts'
import { badRequest, internal } from '../../../api/meta/errors.ts'
import type { KubeObject } from '../../../api/meta/object.ts'
import { cloneJson } from '../../../api/schema/clone.ts'
import { decodeObject } from '../../../api/schema/decode.ts'
import { structFor } from '../../../api/schema/tables.ts'
import { applyJsonPatch } from '../../patch/json-patch.ts'
import { complete } from '../../registry/write.ts'
import type { AdmissionRequest } from '../admission.ts'

type Metadata = KubeObject['metadata'] & Record<string, unknown>
const SERVERS = ['uid', 'creationTimestamp'] as const

/** k8s: what the server gives a new object isn't there yet when webhooks that mutate see it. */
export function beforeStorage(request: AdmissionRequest, obj: KubeObject): KubeObject {
  if (request.operation !== 'CREATE' || request.bodyKind) return obj
  const metadata = { ...obj.metadata } as Metadata
  for (const field of SERVERS) delete metadata[field]
  if (request.nameGenerated) delete (metadata as Partial<Metadata>).name
  return { ...obj, metadata }
}

/** @throws InternalError for a patch that doesn't apply or doesn't leave an object of the kind, BadRequest for another namespace */
export function patchedObject(request: AdmissionRequest, kind: Kind, shown: KubeObject, patch: unknown): KubeObject {
  const { bodyKind } = request
  const schema = bodyKind ? structFor(bodyKind.group, bodyKind.version, bodyKind.kind) : kind.schema
  let object: KubeObject
  try {
    object = decodeObject(schema, applyJsonPatch(shown, patch)).object as unknown as KubeObject
  } catch (err) {
    throw internal((err as Error).message, { cause: err })
  }
  object.apiVersion = shown.apiVersion
  object.kind = shown.kind
  if (bodyKind) return object
  object.metadata ??= {} as KubeObject['metadata']
  if ((object.metadata.namespace ?? '') !== (shown.metadata.namespace ?? '')) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
  complete(kind, object)
  return object
}

/** Puts `next` in the place of the request's object, which others hold on to. */
export function replaceObject(request: AdmissionRequest, next: KubeObject): void {
  const object = request.object as unknown as Record<string, unknown>
  const own = (object['metadata'] ?? {}) as Metadata
  for (const key of Object.keys(object)) delete object[key]
  Object.assign(object, cloneJson(next))
  if (request.operation !== 'CREATE' || request.bodyKind) return
  const metadata = object['metadata'] as Metadata
  for (const field of SERVERS) {
    if (own[field] === undefined) delete metadata[field]
    else (metadata as Record<string, unknown>)[field] = own[field]
  }
  if (request.nameGenerated) metadata.name ||= own.name
}
