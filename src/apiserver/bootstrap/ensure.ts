// Makes wanted objects so: reads each from the store, and only writes, through the handler like everybody else, what is missing or
// different. One pass; a cluster that is right gets no writes.
import { apiPath, type Kind } from '../../api/kinds/kind.ts'
import { StatusError } from '../../api/meta/errors.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { Status } from '../../api/types/meta.v1.ts'
import type { ApiRequest, RequestHandler, UserInfo } from '../../api/wire.ts'
import type { Obj } from '../registry/call.ts'
import type { Resources } from '../resources.ts'
import { keyOf } from '../storage/keys.ts'
import type { Store } from '../storage/store.ts'
import type { WantedObject } from './objects.ts'

/** The server acting for itself. */
export const LOOPBACK_USER: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] }

export interface EnsureParts {
  readonly store: Store
  readonly resources: Resources
  readonly handler: RequestHandler
}

/**
 * What to write for an object that is there: undefined when it is as it should be. Most objects are made once and then belong to
 * the users.
 */
export type Mend = (found: Obj, wanted: WantedObject) => object | undefined

export async function ensure(
  parts: EnsureParts,
  wanted: readonly WantedObject[],
  signal: AbortSignal,
  mend: Mend = () => undefined,
): Promise<void> {
  await Promise.all(wanted.map((one) => ensureOne(parts, one, signal, mend)))
}

async function ensureOne(parts: EnsureParts, wanted: WantedObject, signal: AbortSignal, mend: Mend): Promise<void> {
  const { store, resources, handler } = parts
  const kind = resources.findKind(wanted.apiVersion, wanted.kind)
  if (!kind) throw new Error(`${wanted.apiVersion} ${wanted.kind} isn't served`)
  const { name, namespace } = wanted.metadata
  for (;;) {
    const entry = await store.get(keyOf(kind as never, namespace, name))
    const body = entry ? mend(entry.object, wanted) : wanted
    if (!body) return
    const path = apiPath(kind as unknown as Kind<never>, namespace, entry ? name : undefined)
    const response = await handler({
      method: entry ? 'PUT' : 'POST',
      path,
      query: new URLSearchParams(),
      headers: { 'user-agent': 'kube-apiserver' },
      body,
      user: LOOPBACK_USER,
      signal,
    } satisfies ApiRequest)
    // Somebody else was quicker: look at what they left.
    if (response.status === 409) continue
    if (response.status >= 400) throw StatusError.from((response.body as { object: Partial<Status> }).object)
    return
  }
}

/** The found object with the wanted fields, when they differ. */
export const withFields =
  (equal: (a: unknown, b: unknown) => boolean, ...fields: string[]): Mend =>
  (found, wanted) => {
    const now = found as unknown as Record<string, unknown>
    if (fields.every((field) => equal(now[field], wanted[field]))) return undefined
    const next = cloneJson(found) as unknown as Record<string, unknown>
    for (const field of fields) next[field] = cloneJson(wanted[field])
    return next
  }
