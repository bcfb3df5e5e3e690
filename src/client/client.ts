// How every component (and the command line) talks to the API. The same interface in-process and over HTTPS; transports.ts has both.
import type { Kind } from '../api/kinds/kind.ts'
import type { DeepReadonly, KubeObject, NewObject } from '../api/meta/object.ts'
import type { WatchEvent } from '../api/wire.ts'
import type { Ctx } from '../base/ctx.ts'

export type { WatchEvent }

export interface ListOptions {
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
  limit?: number
  continue?: string
  resourceVersion?: string
}
export interface WatchOptions extends ListOptions {
  /** Ask for BOOKMARK events, so that a quiet watch can be resumed from close to now. */
  allowBookmarks?: boolean
  timeoutSeconds?: number
}
export interface ListResult<T> {
  /** In key order; shared with caches when in-process, so read-only. */
  items: DeepReadonly<T>[]
  resourceVersion: string
  continue?: string
}
export interface WriteOptions {
  fieldManager?: string
  dryRun?: boolean
  subresource?: 'status' | 'scale' | 'ephemeralcontainers' | 'resize' | 'finalize' | 'approval'
}
export interface DeleteOptions {
  gracePeriodSeconds?: number
  propagationPolicy?: 'Foreground' | 'Background' | 'Orphan'
  preconditions?: { uid?: string; resourceVersion?: string }
  dryRun?: boolean
}
export type Patch =
  | { type: 'json'; operations: readonly { op: string; path: string; value?: unknown; from?: string }[] }
  | { type: 'merge' | 'strategic'; body: object }
  | { type: 'apply'; body: object; force?: boolean }

/** Every method throws the server's answer as a StatusError; a transport failure as the transport's own error. */
export interface Client {
  get<T extends KubeObject>(ctx: Ctx, kind: Kind<T>, name: string, namespace?: string): Promise<DeepReadonly<T>>
  list<T extends KubeObject>(ctx: Ctx, kind: Kind<T>, options?: ListOptions): Promise<ListResult<T>>
  /** Ends when the server ends it or the ctx is aborted (then it throws the signal's reason). An ERROR event is thrown as StatusError. */
  watch<T extends KubeObject>(
    ctx: Ctx,
    kind: Kind<T>,
    options: WatchOptions,
  ): AsyncIterable<WatchEvent<DeepReadonly<T>>>
  create<T extends KubeObject>(
    ctx: Ctx,
    kind: Kind<T>,
    object: NewObject<T>,
    options?: WriteOptions,
  ): Promise<DeepReadonly<T>>
  /** PUT. The object's resourceVersion, when it has one, must be the current one. */
  update<T extends KubeObject>(
    ctx: Ctx,
    kind: Kind<T>,
    object: DeepReadonly<T>,
    options?: WriteOptions,
  ): Promise<DeepReadonly<T>>
  patch<T extends KubeObject>(
    ctx: Ctx,
    kind: Kind<T>,
    target: { name: string; namespace?: string },
    patch: Patch,
    options?: WriteOptions,
  ): Promise<DeepReadonly<T>>
  /** Resolves when the server accepted the delete; the object may still exist (grace period, finalizers). */
  delete<T extends KubeObject>(
    ctx: Ctx,
    kind: Kind<T>,
    target: { name: string; namespace?: string },
    options?: DeleteOptions,
  ): Promise<void>
  deleteCollection<T extends KubeObject>(
    ctx: Ctx,
    kind: Kind<T>,
    selection: ListOptions,
    options?: DeleteOptions,
  ): Promise<void>
  /** POST to a subresource that isn't the object itself: binding, eviction, token. */
  createSubresource<R extends object>(
    ctx: Ctx,
    kind: Kind<never>,
    target: { name: string; namespace?: string },
    subresource: 'binding' | 'eviction' | 'token',
    body: object,
  ): Promise<R>
  /** Anything else: discovery, /version, /readyz. */
  raw(ctx: Ctx, method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<unknown>
}
