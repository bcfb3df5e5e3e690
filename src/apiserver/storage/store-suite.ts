// The Store contract as tests. Every engine's test file calls `storeSuite` with a way to open an empty store.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { StoreOptions } from './engine.ts'
import { type Entry, FutureRevision, type Store, type StoreEvent } from './store.ts'
import { watchSuite } from './store-suite-watches.ts'

export interface OpenedStore {
  store: Store
  /** Closes the store and removes what it left. */
  dispose(): Promise<void>
}

/** One promise of the contract, tried on an empty store of its own. */
export type StoreTest = (name: string, run: (store: Store) => Promise<void>, options?: StoreOptions) => void

export const PODS = '/registry/core/pods/'
export const BLUE = `${PODS}blue/`

export function pod(name: string, more: Record<string, unknown> = {}) {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'blue' }, ...more }
}

/** Reproducible numbers from 0 to `below`. */
export function seeded(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** Writes on top of whatever the key holds. */
export async function put(store: Store, key: string, object: object = pod(key.split('/').at(-1)!), volatile = false) {
  const expect = (await store.get(key))?.revision ?? 0
  const result = await store.write({ key, expect, object: object as Entry['object'], volatile })
  assert.ok(result.ok)
  return result.entry
}

export async function remove(store: Store, key: string) {
  const current = await store.get(key)
  const result = await store.write({ key, expect: current?.revision ?? 0, object: undefined })
  assert.ok(result.ok)
  return result.entry
}

/** The next `count` events of a watch, which is left open. */
export async function take(events: AsyncIterator<StoreEvent>, count: number): Promise<StoreEvent[]> {
  const taken: StoreEvent[] = []
  while (taken.length < count) {
    const { done, value } = await events.next()
    if (done) break
    taken.push(value)
  }
  return taken
}

export const shown = (events: readonly StoreEvent[]) =>
  events.map(({ type, entry }) => `${type} ${entry.key.split('/').at(-1)} ${entry.revision}`)
const names = (entries: readonly Entry[]) => entries.map((entry) => entry.key.split('/').at(-1))

export function storeSuite(engine: string, open: (options?: StoreOptions) => Promise<OpenedStore>): void {
  const test: StoreTest = (name, run, options) =>
    it(name, async () => {
      const { store, dispose } = await open(options)
      try {
        await run(store)
      } finally {
        await dispose()
      }
    })

  describe(`${engine} store: writes`, () => {
    test('the first revision is 1, and every write takes the next one', async (store) => {
      assert.equal(store.revision, 0)
      assert.equal((await put(store, `${BLUE}a`)).revision, 1)
      assert.equal((await put(store, `${BLUE}b`)).revision, 2)
      assert.equal((await put(store, `${BLUE}a`)).revision, 3)
      assert.equal((await remove(store, `${BLUE}a`)).revision, 4)
      assert.equal(store.revision, 4)
    })

    test('an entry carries its revision as resourceVersion, in the object and in the JSON', async (store) => {
      await put(store, `${BLUE}x`)
      const spec = { nodeName: 'n' }
      const given = pod('a', { spec })
      const entry = await put(store, `${BLUE}a`, given)
      assert.equal(entry.object.metadata.resourceVersion, '2')
      assert.deepEqual(JSON.parse(Buffer.from(entry.json).toString()), entry.object)
      assert.equal('resourceVersion' in given.metadata, false, 'the writer’s own metadata is left alone')
      assert.equal((entry.object as object as { spec: unknown }).spec, spec, 'the rest is kept by reference')
      assert.equal(await store.get(`${BLUE}a`), entry)
    })

    test('an object larger than a request may be is refused, and nothing is changed', async (store) => {
      const big = pod('a', { text: 'x'.repeat(3 * 1024 * 1024) })
      await assert.rejects(put(store, `${BLUE}a`, big), { name: 'EntryTooLarge' })
      assert.equal(store.revision, 0)
      assert.equal((await put(store, `${BLUE}a`, pod('a', { text: 'x'.repeat(3_000_000) }))).revision, 1)
      assert.equal((await remove(store, `${BLUE}a`)).revision, 2)
    })

    test('a create is refused when the key exists, and says what is there', async (store) => {
      const entry = await put(store, `${BLUE}a`)
      const result = await store.write({ key: `${BLUE}a`, expect: 0, object: pod('a') as Entry['object'] })
      assert.deepEqual(result, { ok: false, current: entry })
      assert.equal(store.revision, 1)
    })

    test('an update or delete decided on an old revision is refused and changes nothing', async (store) => {
      await put(store, `${BLUE}a`)
      const newest = await put(store, `${BLUE}a`)
      for (const object of [pod('a') as Entry['object'], undefined]) {
        const result = await store.write({ key: `${BLUE}a`, expect: 1, object })
        assert.deepEqual(result, { ok: false, current: newest })
      }
    })

    test('updating or deleting what does not exist is refused', async (store) => {
      for (const expect of [0, 7]) {
        const result = await store.write({ key: `${BLUE}a`, expect, object: undefined })
        assert.deepEqual(result, { ok: false, current: undefined })
      }
      const result = await store.write({ key: `${BLUE}a`, expect: 7, object: pod('a') as Entry['object'] })
      assert.deepEqual(result, { ok: false, current: undefined })
      assert.equal(store.revision, 0)
    })

    test('a delete returns the last object at the revision of the delete', async (store) => {
      await put(store, `${BLUE}a`, pod('a', { spec: { nodeName: 'n' } }))
      const gone = await remove(store, `${BLUE}a`)
      assert.equal(gone.revision, 2)
      assert.deepEqual(gone.object, {
        ...pod('a', { spec: { nodeName: 'n' } }),
        metadata: { name: 'a', namespace: 'blue', resourceVersion: '2' },
      })
      assert.equal(await store.get(`${BLUE}a`), undefined)
      assert.equal((await put(store, `${BLUE}a`)).revision, 3)
    })

    test('of writers that race for a key exactly one wins, and the losers see the winner', async (store) => {
      const object = () => pod('a') as Entry['object']
      const results = await Promise.all(
        Array.from({ length: 20 }, () => store.write({ key: `${BLUE}a`, expect: 0, object: object() })),
      )
      const won = results.filter((result) => result.ok)
      assert.equal(won.length, 1)
      const current = await store.get(`${BLUE}a`)
      for (const result of results) assert.equal(result.ok ? result.entry : result.current, current)
    })

    test('a counter that many writers raise with compare-and-swap loses no step', async (store) => {
      await put(store, `${BLUE}n`, pod('n', { count: 0 }))
      const raise = async () => {
        for (;;) {
          const { object, revision } = (await store.get(`${BLUE}n`))!
          const count = (object as unknown as { count: number }).count + 1
          const result = await store.write({
            key: `${BLUE}n`,
            expect: revision,
            object: { ...object, count } as Entry['object'],
          })
          if (result.ok) return
        }
      }
      await Promise.all(
        Array.from({ length: 12 }, async () => {
          for (let i = 0; i < 5; i++) await raise()
        }),
      )
      assert.equal(((await store.get(`${BLUE}n`))!.object as unknown as { count: number }).count, 60)
    })

    test('what a write answered with can be read at once', async (store) => {
      await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          const entry = await put(store, `${BLUE}p${i}`)
          assert.equal(await store.get(entry.key), entry)
          assert.ok(store.revision >= entry.revision)
        }),
      )
    })

    test('volatile writes are ordered with the others', async (store) => {
      const watch = store.watch(PODS, 0)[Symbol.asyncIterator]()
      await Promise.all([
        put(store, `${BLUE}a`),
        put(store, `${BLUE}b`, pod('b'), true),
        put(store, `${BLUE}c`),
        put(store, `${BLUE}d`, pod('d'), true),
      ])
      await put(store, `${BLUE}b`, pod('b'), true)
      assert.deepEqual(shown(await take(watch, 5)), ['put a 1', 'put b 2', 'put c 3', 'put d 4', 'put b 5'])
    })

    test('after close writes fail', async (store) => {
      await put(store, `${BLUE}a`)
      await store.close()
      await store.close()
      await assert.rejects(put(store, `${BLUE}b`), { name: 'StoreFailed' })
    })
  })

  describe(`${engine} store: lists`, () => {
    test('a list has the keys under the prefix in order', async (store) => {
      for (const name of ['c', 'a', 'b', 'a-1']) await put(store, `${BLUE}${name}`)
      await put(store, `${PODS}green/z`)
      await put(store, '/registry/core/podtemplates/blue/x')
      assert.deepEqual(names((await store.list(BLUE)).entries), ['a', 'a-1', 'b', 'c'])
      assert.deepEqual(names((await store.list(PODS)).entries), ['a', 'a-1', 'b', 'c', 'z'])
      assert.deepEqual(await store.list('/registry/none/'), { entries: [], revision: 6, next: undefined, remaining: 0 })
    })

    test('pages cover everything once, also while the collection changes', async (store) => {
      for (let i = 10; i < 30; i++) await put(store, `${BLUE}p${i}`)
      const first = await store.list(BLUE, { limit: 8 })
      assert.equal(first.remaining, 12)
      await remove(store, `${BLUE}p10`)
      await remove(store, `${BLUE}p25`)
      await put(store, `${BLUE}p20a`)
      await put(store, `${BLUE}p26`, pod('p26', { changed: true }))
      const second = await store.list(BLUE, { limit: 8, after: first.next!, revision: first.revision })
      const third = await store.list(BLUE, { limit: 8, after: second.next!, revision: first.revision })
      assert.equal(third.next, undefined)
      const all = [...first.entries, ...second.entries, ...third.entries]
      assert.deepEqual(
        names(all),
        Array.from({ length: 20 }, (_, i) => `p${i + 10}`),
      )
      assert.ok(all.every((entry) => entry.revision <= 20))
      assert.equal(third.revision, 20)
    })

    test('a list at any older revision shows exactly what was there', async (store) => {
      const states: string[][] = [[]]
      const record = async () => states.push((await store.list(PODS)).entries.map((e) => `${e.key}@${e.revision}`))
      const random = seeded(42)
      for (let i = 0; i < 120; i++) {
        const key = `${BLUE}k${random(13)}`
        if (random(3) === 0 && (await store.get(key))) await remove(store, key)
        else await put(store, key)
        await record()
      }
      for (let revision = 1; revision <= 120; revision++) {
        const list = await store.list(PODS, { revision })
        assert.deepEqual(
          list.entries.map((e) => `${e.key}@${e.revision}`),
          states[revision],
          `at revision ${revision}`,
        )
        assert.equal(list.revision, revision)
      }
    })

    test('a revision that has not happened yet is refused', async (store) => {
      await put(store, `${BLUE}a`)
      await assert.rejects(store.list(PODS, { revision: 2 }), FutureRevision)
    })

    test('a snapshot shows one instant, whatever is written while it is read', async (store) => {
      for (let i = 0; i < 10; i++) await put(store, `${BLUE}p${i}`)
      const keys: string[] = []
      for await (const entry of store.snapshot()) {
        keys.push(entry.key)
        if (keys.length === 1) {
          await remove(store, `${BLUE}p5`)
          await put(store, `${BLUE}p99`)
        }
      }
      assert.deepEqual(
        keys,
        Array.from({ length: 10 }, (_, i) => `${BLUE}p${i}`),
      )
    })

    test('many keys stay in order through insertions and deletions anywhere', async (store) => {
      const alive = new Set<string>()
      const random = seeded(7)
      const writes: Promise<unknown>[] = []
      while (alive.size < 2400) {
        const key = `${BLUE}k${random(9000)}`
        if (alive.has(key)) continue
        alive.add(key)
        writes.push(put(store, key, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } }))
      }
      await Promise.all(writes)
      const doomed = [...alive].filter((_, i) => i % 3 === 0)
      await Promise.all(doomed.map((key) => remove(store, key)))
      for (const key of doomed) alive.delete(key)
      assert.deepEqual(
        (await store.list(PODS)).entries.map((e) => e.key),
        [...alive].sort(),
      )
      const middle = await store.list(PODS, { after: [...alive].sort()[700]!, limit: 600 })
      assert.deepEqual(
        middle.entries.map((e) => e.key),
        [...alive].sort().slice(701, 1301),
      )
      assert.equal(middle.remaining, alive.size - 1301)
    })
  })

  watchSuite(engine, test)
}
