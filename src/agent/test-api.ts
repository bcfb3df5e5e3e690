// For tests of the node agent alone: an API held in memory that is synchronous enough to be watched by a fake clock. It stores, patches,
// deletes with grace periods and can be taken away; everything that depends on the real server's rules is tested against that one.
import type { Kind } from '../api/kinds/kind.ts'
import type { Pod } from '../api/kinds/pod.ts'
import { alreadyExists, conflict, notFound } from '../api/meta/errors.ts'
import type { KubeObject } from '../api/meta/object.ts'
import type { Cache, ChangeHandler } from '../client/cache.ts'
import type { Client, DeleteOptions, ListOptions, Patch } from '../client/client.ts'
import type { EventRecorder } from '../client/events.ts'

type Any = KubeObject & { spec?: Record<string, unknown>; status?: Record<string, unknown> }
type Change = { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: Any; kind: string }

export class TestApi {
  readonly #objects = new Map<string, Any>()
  readonly #listeners = new Set<(change: Change) => void>()
  #revision = 100
  #away = false
  /** `patch pods/status web`, `delete pods web` … in order. */
  readonly writes: string[] = []
  readonly events: string[] = []

  /** Every request fails until `recover`. */
  outage(): void {
    this.#away = true
  }
  recover(): void {
    this.#away = false
  }

  get<T extends KubeObject>(kind: Kind<T>, name: string, namespace = ''): T | undefined {
    return this.#objects.get(key(kind, name, namespace)) as T | undefined
  }
  put<T extends KubeObject>(kind: Kind<T>, object: Record<string, unknown> | { metadata: object }): T {
    const metadata = object['metadata'] as { name?: string; namespace?: string }
    const { name = '', namespace = '' } = metadata
    const id = key(kind, name, namespace)
    const old = this.#objects.get(id)
    const stored = {
      ...structuredClone(object),
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: {
        uid: old?.metadata.uid ?? `uid-${name}-${this.#revision}`,
        creationTimestamp: '2026-01-01T00:00:00Z',
        ...structuredClone(metadata),
        resourceVersion: String(++this.#revision),
      },
    } as unknown as Any
    this.#objects.set(id, stored)
    this.#tell({ type: old ? 'MODIFIED' : 'ADDED', object: stored, kind: kind.kind })
    return stored as unknown as T
  }
  remove(kind: Kind<never>, name: string, namespace = ''): void {
    const id = key(kind, name, namespace)
    const old = this.#objects.get(id)
    if (!old) throw notFound({ group: kind.group, resource: kind.plural }, name)
    this.#objects.delete(id)
    const object = { ...old, metadata: { ...old.metadata, resourceVersion: String(++this.#revision) } }
    this.#tell({ type: 'DELETED', object, kind: kind.kind })
  }
  /** As `kubectl delete pod` does. */
  deletePod(kind: Kind<Pod>, name: string, namespace: string, graceSeconds: number, nowMs: number): void {
    const pod = this.get(kind, name, namespace)!
    const deletionTimestamp = new Date(nowMs + graceSeconds * 1000).toISOString()
    const metadata = { ...pod.metadata, deletionTimestamp, deletionGracePeriodSeconds: graceSeconds }
    this.put(kind, { ...pod, metadata })
  }

  #tell(change: Change): void {
    for (const listener of [...this.#listeners]) listener(change)
  }
  #enter(): void {
    if (this.#away) throw new Error('connect ECONNREFUSED')
  }

  readonly recorder: EventRecorder = {
    event: (about, type, reason, message) => {
      this.events.push(`${type} ${reason} ${about.metadata.name}: ${message}`)
    },
  }

  readonly cache: Cache = {
    watch: (kind, onChange) => {
      const handler = onChange as ChangeHandler<KubeObject> | undefined
      if (!handler) return () => undefined
      const names = { ADDED: 'added', MODIFIED: 'updated', DELETED: 'deleted' } as const
      const listener = (change: Change) => {
        if (change.kind === kind.kind) handler({ type: names[change.type], object: change.object, old: undefined })
      }
      this.#listeners.add(listener)
      return () => this.#listeners.delete(listener)
    },
    forget: () => undefined,
    synced: async () => undefined,
    get: (kind, name, namespace) => this.get(kind, name, namespace) as never,
    list: (kind, selection) => this.#list(kind as never, selection) as never,
    hasSeen: () => true,
  }

  #list(kind: Kind<never>, options: ListOptions = {}): Any[] {
    const name = /^metadata\.name=(.*)$/.exec(options.fieldSelector ?? '')?.[1]
    return [...this.#objects.values()].filter(
      (o) =>
        o.kind === kind.kind &&
        (!options.namespace || o.metadata.namespace === options.namespace) &&
        (!name || o.metadata.name === name),
    )
  }

  #patch(kind: Kind<never>, target: { name: string; namespace?: string }, patch: Patch, subresource?: string): Any {
    this.#enter()
    const old = this.get<Any>(kind as never, target.name, target.namespace)
    if (!old) throw notFound({ group: kind.group, resource: kind.plural }, target.name)
    this.writes.push(`patch ${kind.plural}${subresource ? `/${subresource}` : ''} ${target.name}`)
    const body = (patch as { body: Record<string, unknown> }).body
    const uid = (body['metadata'] as { uid?: string } | undefined)?.uid
    if (uid && uid !== old.metadata.uid)
      throw conflict({ group: kind.group, resource: kind.plural }, target.name, 'uid')
    return this.put(kind as never, merged(old, body) as unknown as Any)
  }

  readonly client = {
    get: async (_ctx: unknown, kind: Kind<never>, name: string, namespace?: string) => {
      this.#enter()
      const found = this.get(kind, name, namespace)
      if (!found) throw notFound({ group: kind.group, resource: kind.plural }, name)
      return found
    },
    list: async (_ctx: unknown, kind: Kind<never>, options?: ListOptions) => {
      this.#enter()
      return { items: this.#list(kind, options), resourceVersion: String(this.#revision) }
    },
    watch: (ctx: { signal: AbortSignal }, kind: Kind<never>, options: ListOptions) =>
      this.#watch(ctx.signal, kind, options),
    create: async (_ctx: unknown, kind: Kind<never>, object: Any) => {
      this.#enter()
      if (this.get(kind, object.metadata.name ?? '', object.metadata.namespace))
        throw alreadyExists({ group: kind.group, resource: kind.plural }, object.metadata.name ?? '')
      this.writes.push(`create ${kind.plural} ${object.metadata.name}`)
      return this.put(kind, object)
    },
    update: async (_ctx: unknown, kind: Kind<never>, object: Any) => {
      this.#enter()
      this.writes.push(`update ${kind.plural} ${object.metadata.name}`)
      return this.put(kind, object)
    },
    patch: async (
      _c: unknown,
      kind: Kind<never>,
      target: { name: string; namespace?: string },
      patch: Patch,
      options?: { subresource?: string },
    ) => this.#patch(kind, target, patch, options?.subresource),
    delete: async (
      _ctx: unknown,
      kind: Kind<never>,
      target: { name: string; namespace?: string },
      options?: DeleteOptions,
    ) => {
      this.#enter()
      this.writes.push(`delete ${kind.plural} ${target.name} ${options?.gracePeriodSeconds ?? ''}`)
      this.remove(kind, target.name, target.namespace)
    },
    createSubresource: async () => {
      this.#enter()
      return { status: { token: `token-${++this.#revision}`, expirationTimestamp: '2026-01-01T01:00:00Z' } }
    },
  } as unknown as Client

  async *#watch(signal: AbortSignal, kind: Kind<never>, options: ListOptions) {
    const queue: Change[] = []
    let wake = () => {}
    const name = /^metadata\.name=(.*)$/.exec(options.fieldSelector ?? '')?.[1]
    const listener = (change: Change) => {
      const { metadata } = change.object
      if (change.kind !== kind.kind || metadata.namespace !== options.namespace || (name && metadata.name !== name))
        return
      queue.push(change)
      wake()
    }
    this.#listeners.add(listener)
    const onAbort = () => wake()
    signal.addEventListener('abort', onAbort)
    try {
      while (!signal.aborted) {
        const next = queue.shift()
        if (next) yield { type: next.type, object: next.object }
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
    } finally {
      this.#listeners.delete(listener)
    }
  }
}

const key = (kind: { kind: string }, name: string, namespace = '') => `${kind.kind}/${namespace}/${name}`

/** Enough of a strategic merge for statuses: conditions by type, addresses by ip, everything else replaced. */
function merged(old: unknown, patch: unknown): unknown {
  if (Array.isArray(patch)) {
    const mergeKey = patch.some((p) => p?.type !== undefined && p?.status !== undefined)
      ? 'type'
      : patch.some((p) => p?.ip)
        ? 'ip'
        : undefined
    if (!mergeKey) return patch
    const items = [...((old as Record<string, unknown>[] | undefined) ?? [])]
    for (const item of patch as Record<string, unknown>[]) {
      const at = items.findIndex((i) => i[mergeKey] === item[mergeKey])
      if (item['$patch'] === 'delete') items.splice(at, at < 0 ? 0 : 1)
      else if (at < 0) items.push(merged({}, item) as Record<string, unknown>)
      else items[at] = merged(items[at], item) as Record<string, unknown>
    }
    return items
  }
  if (typeof patch !== 'object' || patch === null) return patch
  const result: Record<string, unknown> = { ...((old as Record<string, unknown> | undefined) ?? {}) }
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith('$setElementOrder')) continue
    if (value === null) delete result[name]
    else result[name] = merged(result[name], value)
  }
  return result
}
