// The Client interface over a transport: turns typed calls into requests (paths, queries, content types) and nothing else.
// No retries and no caching: who calls decides what a failure means.
import { apiPath, type Kind } from '../api/kinds/kind.ts'
import { StatusError } from '../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'
import type { Status } from '../api/types/meta.v1.ts'
import type { WatchEvent } from '../api/wire.ts'
import type { Client, DeleteOptions, ListOptions, Patch, WatchOptions, WriteOptions } from './client.ts'
import type { Transport } from './transport.ts'

const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const

/** A list as it comes over the wire. */
interface ListBody<T> {
  metadata?: { resourceVersion?: string; continue?: string }
  items?: T[]
}

/** `fieldManager` is used for writes that name none. */
export function createClient(transport: Transport, defaults: { fieldManager?: string } = {}): Client {
  const writeQuery = (options: WriteOptions | undefined) => {
    const query = new URLSearchParams()
    const manager = options?.fieldManager ?? defaults.fieldManager
    if (manager) query.set('fieldManager', manager)
    if (options?.dryRun) query.set('dryRun', 'All')
    return query
  }

  return {
    async get(ctx, kind, name, namespace) {
      return asObject(await transport.request(ctx, { method: 'GET', path: pathOf(kind, namespace, name) }))
    },

    async list(ctx, kind, options = {}) {
      const path = pathOf(kind, options.namespace)
      const body: ListBody<never> = asObject(
        await transport.request(ctx, { method: 'GET', path, query: selectionQuery(options) }),
      )
      const items: KubeObject[] = body.items ?? []
      return {
        // k8s: items of a list need not say what they are.
        items: items.map((item) => withType(kind, item)) as never[],
        resourceVersion: body.metadata?.resourceVersion ?? '',
        ...(body.metadata?.continue ? { continue: body.metadata.continue } : {}),
      }
    },

    async *watch<T extends KubeObject>(ctx: Parameters<Client['watch']>[0], kind: Kind<T>, options: WatchOptions) {
      const query = selectionQuery(options)
      query.set('watch', 'true')
      if (options.allowBookmarks) query.set('allowWatchBookmarks', 'true')
      if (options.timeoutSeconds !== undefined) query.set('timeoutSeconds', String(options.timeoutSeconds))
      const path = pathOf(kind, options.namespace)
      for await (const event of transport.watch(ctx, { method: 'GET', path, query })) {
        if (event.type === 'ERROR') throw StatusError.from(event.object as Partial<Status>)
        yield event as WatchEvent<DeepReadonly<T>>
      }
    },

    async create(ctx, kind, object, options) {
      const namespace = object.metadata.namespace
      const name = options?.subresource ? object.metadata.name : undefined
      const path = pathOf(kind, namespace, name, options?.subresource)
      return asObject(
        await transport.request(ctx, {
          method: 'POST',
          path,
          query: writeQuery(options),
          body: withType(kind, object),
        }),
      )
    },

    async update(ctx, kind, object, options) {
      const { namespace, name } = object.metadata as KubeObject['metadata']
      const path = pathOf(kind, namespace, name, options?.subresource)
      return asObject(
        await transport.request(ctx, { method: 'PUT', path, query: writeQuery(options), body: withType(kind, object) }),
      )
    },

    async patch(ctx, kind, target, patch, options) {
      const query = writeQuery(options)
      if (patch.type === 'apply' && patch.force) query.set('force', 'true')
      return asObject(
        await transport.request(ctx, {
          method: 'PATCH',
          path: pathOf(kind, target.namespace, target.name, options?.subresource),
          query,
          headers: { 'content-type': PATCH_TYPES[patch.type] },
          body: patchBody(kind, patch),
        }),
      )
    },

    async delete(ctx, kind, target, options) {
      const path = pathOf(kind, target.namespace, target.name)
      await transport.request(ctx, { method: 'DELETE', path, body: deleteBody(options) })
    },

    async deleteCollection(ctx, kind, selection, options) {
      const path = pathOf(kind, selection.namespace)
      await transport.request(ctx, {
        method: 'DELETE',
        path,
        query: selectionQuery(selection),
        body: deleteBody(options),
      })
    },

    async createSubresource(ctx, kind, target, subresource, body) {
      const path = apiPath(kind, target.namespace, target.name, subresource)
      return asObject(await transport.request(ctx, { method: 'POST', path, body }))
    },

    raw(ctx, method, path, body) {
      const url = new URL(path, 'http://api')
      return transport.request(ctx, { method, path: url.pathname, query: url.searchParams, body })
    },
  }
}

function pathOf<T extends KubeObject>(kind: Kind<T>, namespace?: string, name?: string, subresource?: string): string {
  return apiPath(kind as unknown as Kind<never>, namespace, name, subresource)
}

function withType<O extends object>(kind: { apiVersion: string; kind: string }, object: O): O {
  const { apiVersion, kind: name } = object as { apiVersion?: string; kind?: string }
  return apiVersion && name ? object : { apiVersion: kind.apiVersion, kind: kind.kind, ...object }
}

function patchBody(kind: { apiVersion: string; kind: string }, patch: Patch): object {
  if (patch.type === 'json') return patch.operations
  return patch.type === 'apply' ? withType(kind, patch.body) : patch.body
}

function deleteBody(options: DeleteOptions | undefined): object | undefined {
  if (!options) return undefined
  const { dryRun, ...rest } = options
  return { apiVersion: 'v1', kind: 'DeleteOptions', ...rest, ...(dryRun ? { dryRun: ['All'] } : {}) }
}

function selectionQuery(options: ListOptions): URLSearchParams {
  const query = new URLSearchParams()
  for (const name of ['labelSelector', 'fieldSelector', 'limit', 'continue', 'resourceVersion'] as const) {
    const value = options[name]
    if (value !== undefined && value !== '') query.set(name, String(value))
  }
  return query
}

function asObject<R>(body: unknown): R {
  if (typeof body !== 'object' || body === null) throw new Error('the server did not answer with an object')
  return body as R
}
