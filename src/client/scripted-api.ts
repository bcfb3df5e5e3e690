// For tests of the client itself: a tiny API of ConfigMaps held in memory, as a Transport. A test may cut its watches, expire
// their revisions, page its lists and take it away; everything else is tested against the real API server.
import { gone, notFound, StatusError, staleVersion } from '../api/meta/errors.ts'
import type { KubeObject } from '../api/meta/object.ts'
import type { WatchEvent } from '../api/wire.ts'
import type { Ctx } from '../base/ctx.ts'
import type { Transport, TransportRequest } from './transport.ts'

type Row = { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: KubeObject; revision: number }

export class ScriptedApi implements Transport {
  /** `METHOD path?query` of every request, in order. */
  readonly calls: string[] = []
  /** Thrown by every request while set. */
  failure: Error | undefined
  readonly #log: Row[] = []
  readonly #objects = new Map<string, KubeObject>()
  readonly #wakers = new Set<() => void>()
  #revision = 10
  /** Revisions before this one can no longer be watched from. */
  #oldest = 0
  #cuts = 0

  get revision(): number {
    return this.#revision
  }

  put(path: string, object: Omit<KubeObject, 'metadata'> & { metadata: object }): KubeObject {
    const old = this.#objects.get(path)
    const name = path.slice(path.lastIndexOf('/') + 1)
    const namespace = path.match(/\/namespaces\/([^/]+)\//)?.[1]
    const stored = {
      ...object,
      metadata: {
        uid: old?.metadata.uid ?? `uid-${this.#revision + 1}`,
        ...object.metadata,
        name,
        ...(namespace ? { namespace } : {}),
        resourceVersion: String(++this.#revision),
      },
    } as KubeObject
    this.#objects.set(path, stored)
    this.#tell({ type: old ? 'MODIFIED' : 'ADDED', object: stored, revision: this.#revision })
    return stored
  }

  remove(path: string): void {
    const old = this.#objects.get(path)!
    this.#objects.delete(path)
    const object = { ...old, metadata: { ...old.metadata, resourceVersion: String(++this.#revision) } }
    this.#tell({ type: 'DELETED', object, revision: this.#revision })
  }

  objects(): KubeObject[] {
    return [...this.#objects.values()]
  }

  /** Ends every open watch, as a server that goes away does. */
  cutWatches(): void {
    this.#cuts++
    this.#wake()
  }

  /** Watches from a revision before now are answered with 410. */
  expire(): void {
    this.#oldest = this.#revision
  }

  async request(ctx: Ctx, request: TransportRequest): Promise<unknown> {
    this.#note(ctx, request)
    const { method, path, body } = request
    const name = path.slice(path.lastIndexOf('/') + 1)
    const collection = this.#collectionOf(path)
    const current = this.#objects.get(path)
    if (method === 'GET') {
      if (collection === undefined) return this.#page(request)
      if (!current) throw notFound({ group: '', resource: collection }, name)
      return current
    }
    if (method === 'POST') {
      const object = body as KubeObject
      const target = `${path}/${object.metadata.name}`
      if (this.#objects.has(target)) throw new StatusError(409, 'AlreadyExists', `${target} already exists`)
      return this.put(target, object)
    }
    if (!current) throw notFound({ group: '', resource: collection ?? '' }, name)
    if (method === 'DELETE') {
      this.remove(path)
      return current
    }
    if (method === 'PUT') {
      const { resourceVersion } = (body as KubeObject).metadata
      if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) {
        throw staleVersion({ group: '', resource: collection ?? '' }, name)
      }
      return this.put(path, body as KubeObject)
    }
    // A merge of the top level: enough for event counts.
    return this.put(path, { ...current, ...(body as object) })
  }

  async *watch(ctx: Ctx, request: TransportRequest): AsyncIterable<WatchEvent<object>> {
    this.#note(ctx, request)
    let from = Number(request.query?.get('resourceVersion'))
    if (from < this.#oldest) throw gone(`too old resource version: ${from} (${this.#oldest})`)
    const cuts = this.#cuts
    const abort = () => this.#wake()
    ctx.signal.addEventListener('abort', abort)
    try {
      while (true) {
        for (const row of this.#log.filter((r) => r.revision > from)) {
          from = row.revision
          if (row.object.kind === 'BOOKMARK') continue
          yield { type: row.type, object: row.object }
        }
        ctx.signal.throwIfAborted()
        if (cuts !== this.#cuts) return
        await new Promise<void>((resolve) => {
          const waker = () => {
            this.#wakers.delete(waker)
            resolve()
          }
          this.#wakers.add(waker)
        })
      }
    } finally {
      ctx.signal.removeEventListener('abort', abort)
    }
  }

  async *stream(): AsyncIterable<Uint8Array> {}
  close(): void {}

  #note(ctx: Ctx, { method, path, query }: TransportRequest): void {
    ctx.signal.throwIfAborted()
    this.calls.push(`${method} ${path}${query?.size ? `?${query}` : ''}`)
    if (this.failure) throw this.failure
  }

  /** The plural of an object's path; undefined for a collection's own path. */
  #collectionOf(path: string): string | undefined {
    const parts = path.split('/').slice(path.startsWith('/api/') ? 3 : 4)
    const rest = parts[0] === 'namespaces' && parts.length > 2 ? parts.slice(2) : parts
    return rest.length > 1 ? rest[0] : undefined
  }

  #page({ path, query }: TransportRequest): object {
    const plural = path.slice(path.lastIndexOf('/') + 1)
    const all = [...this.#objects].filter(([key]) => key.includes(`/${plural}/`)).map(([, object]) => object)
    const start = Number(query?.get('continue') ?? 0)
    const limit = Number(query?.get('limit') ?? all.length)
    const rest = all.length > start + limit ? { continue: String(start + limit) } : {}
    return { metadata: { resourceVersion: String(this.#revision), ...rest }, items: all.slice(start, start + limit) }
  }

  #tell(row: Row): void {
    this.#log.push(row)
    this.#wake()
  }

  #wake(): void {
    for (const waker of [...this.#wakers]) waker()
  }
}
