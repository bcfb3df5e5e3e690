// The server that the fuzz suite asks: the real one on a memory store, with objects of every kind. It tells which request each write
// came from, so that a request that was refused can be held to have changed nothing.
import { AsyncLocalStorage } from 'node:async_hooks'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apiPath, type Kind } from '../../src/api/kinds/kind.ts'
import type { ApiRequest, ApiResponse } from '../../src/api/wire.ts'
import { establish } from '../../src/apiserver/crd/crd-fixtures.ts'
import { openMemoryStore } from '../../src/apiserver/storage/memory.ts'
import type { Store } from '../../src/apiserver/storage/store.ts'
import { type TestApi, testApi, withDefaultAccount } from '../../src/apiserver/test-api.ts'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { ensurePki, type Pki } from '../../src/base/pki.ts'
import { fixturesOf, type Json, RULED } from './fixtures.ts'

/** A request and the keys that were written for it. */
export interface Attempt {
  readonly written: string[]
}

export interface World {
  readonly api: TestApi
  readonly kinds: readonly Kind[]
  ask(request: ApiRequest, attempt: Attempt): Promise<ApiResponse>
  /** As they were made in the beginning, by the kind's plural name. */
  objectsOf(plural: string): readonly Json[]
  close(): Promise<void>
}

export async function openWorld(): Promise<World> {
  const asking = new AsyncLocalStorage<Attempt>()
  const store = attributing(openMemoryStore(), asking)
  const api = await testApi({ store, pki: await certificates() })
  await withDefaultAccount(api)
  await establish(api, RULED)
  const kinds = api.server.resources.kinds
  const objects = new Map<string, Json[]>()
  for (const kind of kinds) {
    if (!kind.verbs.includes('create') || !kind.verbs.includes('get')) continue
    for (const object of fixturesOf(kind)) {
      const { status, body } = await api.post(apiPath(kind as never, 'default'), object)
      if (status === 201) objects.set(kind.plural, [...(objects.get(kind.plural) ?? []), body])
    }
  }
  return {
    api,
    kinds,
    ask: (request, attempt) => asking.run(attempt, () => api.server.handler(request)),
    objectsOf: (plural) => objects.get(plural) ?? [],
    async close() {
      await api.server.close()
      await store.close()
    },
  }
}

/** Made once: keys take a while. */
let pki: Promise<Pki> | undefined
function certificates(): Promise<Pki> {
  pki ??= (async () => {
    const directory = await mkdtemp(join(tmpdir(), 'skiff-fuzz-'))
    const ctx = { signal: new AbortController().signal, log: silentLogger }
    try {
      return await ensurePki(ctx, directory, { addresses: [], dnsNames: [], clock: systemClock })
    } finally {
      await rm(directory, { recursive: true })
    }
  })()
  return pki
}

function attributing(store: Store, asking: AsyncLocalStorage<Attempt>): Store {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name, target)
      if (name === 'write') {
        return async (write: Parameters<Store['write']>[0]) => {
          const result = await target.write(write)
          if (result.ok) asking.getStore()?.written.push(write.key)
          return result
        }
      }
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
