// What a key's last sync wrote and the cache has not shown yet. A sync that ran before then would decide on a state it has itself
// already changed: create a pod twice, for one. Kinds that the controller does not follow are not noted.
import type { Kind } from '../api/kinds/kind.ts'
import type { KubeObject } from '../api/meta/object.ts'
import type { Cache } from '../client/cache.ts'
import type { Client } from '../client/client.ts'

export class OwnWrites {
  readonly #cache: Cache
  readonly #follows: (kind: Kind<never>) => boolean
  /** The newest revision written of each kind: a cache that has seen it has seen the earlier ones. */
  readonly #newest = new Map<Kind<never>, number>()
  #deleted: { kind: Kind<never>; name: string; namespace: string | undefined; uid: string }[] = []

  constructor(cache: Cache, follows: (kind: Kind<never>) => boolean) {
    this.#cache = cache
    this.#follows = follows
  }

  /** Whether the cache shows everything that was written. */
  seen(): boolean {
    for (const [kind, revision] of this.#newest) {
      if (!this.#cache.hasSeen(kind, String(revision))) return false
      this.#newest.delete(kind)
    }
    this.#deleted = this.#deleted.filter(({ kind, name, namespace, uid }) => {
      const known = this.#cache.get(kind as unknown as Kind, name, namespace)
      return known?.metadata.uid === uid && !known.metadata.deletionTimestamp
    })
    return this.#deleted.length === 0
  }

  /** A client that notes what is written through it. */
  noting(client: Client): Client {
    return {
      ...client,
      create: async (ctx, kind, object, options) => {
        const written = await client.create(ctx, kind, object, options)
        if (!options?.dryRun) this.#wrote(kind, written)
        return written
      },
      update: async (ctx, kind, object, options) => {
        const written = await client.update(ctx, kind, object, options)
        if (!options?.dryRun) this.#wrote(kind, written)
        return written
      },
      patch: async (ctx, kind, target, patch, options) => {
        const written = await client.patch(ctx, kind, target, patch, options)
        if (!options?.dryRun) this.#wrote(kind, written)
        return written
      },
      delete: async (ctx, kind, target, options) => {
        await client.delete(ctx, kind, target, options)
        const uid = this.#cache.get(kind, target.name, target.namespace)?.metadata.uid
        const anyKind = kind as unknown as Kind<never>
        if (uid && !options?.dryRun && this.#follows(anyKind)) {
          this.#deleted.push({ kind: anyKind, name: target.name, namespace: target.namespace, uid })
        }
      },
    }
  }

  #wrote<T extends KubeObject>(typed: Kind<T>, written: { readonly metadata?: { readonly resourceVersion?: string } }) {
    const kind = typed as unknown as Kind<never>
    const revision = Number(written.metadata?.resourceVersion)
    if (!(revision > (this.#newest.get(kind) ?? 0)) || !this.#follows(kind)) return
    this.#newest.set(kind, revision)
  }
}
