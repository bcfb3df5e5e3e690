import assert from 'node:assert/strict'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { silentLogger } from '../../base/log.ts'
import type { StoreOptions } from './engine.ts'
import { LevelHandle, type Operation, openDatabase } from './level-files.ts'
import { openLevelStore } from './leveldb.ts'
import { Compacted, type Store } from './store.ts'
import { PODS, pod, put, remove, seeded, shown, storeSuite, take } from './store-suite.ts'

const ctx = { log: silentLogger }
const text = (json: Uint8Array) => Buffer.from(json).toString()
const BLUE = `${PODS}blue/`

storeSuite('LevelDB', async (options) => {
  const directory = await mkdtemp(join(tmpdir(), 'skiff-store-'))
  const store = await openLevelStore(ctx, directory, options)
  const dispose = async () => {
    await store.close()
    await rm(directory, { recursive: true })
  }
  return { store, dispose }
})

describe('LevelDB store: restarts', () => {
  const directories: string[] = []
  after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true }))))
  const temporary = async () => {
    const directory = await mkdtemp(join(tmpdir(), 'skiff-store-'))
    directories.push(directory)
    return directory
  }
  const all = async (store: Store, revision?: number) =>
    (await store.list('', revision ? { revision } : {})).entries.map((e) => [e.key, e.revision, e.object])

  it('state, revision, history and watches continue after a restart', async () => {
    const directory = await temporary()
    const one = await openLevelStore(ctx, directory)
    await put(one, `${BLUE}a`)
    await put(one, `${BLUE}b`, pod('b', { spec: { nodeName: 'n' } }))
    await put(one, `${BLUE}a`, pod('a', { changed: 1 }))
    await remove(one, `${BLUE}b`)
    await put(one, `${BLUE}é-漢`)
    const before = await all(one)
    const earlier = await all(one, 2)
    await one.close()

    const two = await openLevelStore(ctx, directory)
    assert.equal(two.revision, 5)
    assert.deepEqual(await all(two), before)
    assert.deepEqual(await all(two, 2), earlier)
    const events = await take(two.watch(PODS, 1)[Symbol.asyncIterator](), 4)
    assert.deepEqual(shown(events), ['put b 2', 'put a 3', 'delete b 4', 'put é-漢 5'])
    assert.equal(events[1]!.prev!.object.metadata.resourceVersion, '1')
    assert.deepEqual(events[2]!.prev!.object, {
      ...pod('b', { spec: { nodeName: 'n' } }),
      metadata: { name: 'b', namespace: 'blue', resourceVersion: '2' },
    })
    assert.equal((await put(two, `${BLUE}c`)).revision, 6)
    await two.close()
  })

  it('what an event changed is still known after restarts when the log was trimmed in between', async () => {
    const directory = await temporary()
    const bounds: StoreOptions = { maxEvents: 8, minEvents: 1 }
    const expected = new Map<number, string[]>()
    let store = await openLevelStore(ctx, directory, bounds)
    const random = seeded(3)
    for (let step = 0; step < 400; step++) {
      const key = `${BLUE}k${random(6)}`
      const volatile = random(5) === 0
      if (random(4) === 0 && (await store.get(key))) await remove(store, key)
      else await put(store, key, pod('k', { step }), volatile)
      expected.set(
        store.revision,
        (await store.list(PODS)).entries.map((e) => text(e.json)),
      )
      if (step % 7 === 0) {
        const watched = await take(store.watch(PODS, store.revision - 1)[Symbol.asyncIterator](), 1)
        await store.close()
        store = await openLevelStore(ctx, directory, bounds)
        assert.deepEqual(
          (await store.list(PODS)).entries.map((e) => text(e.json)),
          expected.get(store.revision),
        )
        assert.equal(watched[0]!.entry.revision, store.revision)
      }
    }
    await store.close()
  })

  it('lists at older revisions are right after a restart with a trimmed log', async () => {
    const directory = await temporary()
    const bounds: StoreOptions = { maxEvents: 10, minEvents: 1 }
    const states: string[][] = [[]]
    let store = await openLevelStore(ctx, directory, bounds)
    const random = seeded(11)
    for (let step = 1; step <= 200; step++) {
      const key = `${BLUE}k${random(7)}`
      if (random(3) === 0 && (await store.get(key))) await remove(store, key)
      else await put(store, key, pod('k', { step }))
      states.push((await store.list(PODS)).entries.map((e) => text(e.json)))
      if (step % 9 !== 0) continue
      await store.close()
      store = await openLevelStore(ctx, directory, bounds)
      for (let revision = Math.max(step - 10, 1); revision <= step; revision++) {
        const list = await store.list(PODS, { revision })
        assert.deepEqual(
          list.entries.map((e) => text(e.json)),
          states[revision],
          `step ${step} revision ${revision}`,
        )
      }
      if (step > 11) assert.throws(() => store.watch(PODS, step - 11), Compacted)
    }
    await store.close()
  })

  it('an orderly close keeps volatile writes; who watched them must list again, everyone else goes on', async () => {
    const directory = await temporary()
    const one = await openLevelStore(ctx, directory)
    const lease = '/registry/coordination.k8s.io/leases/kube-node-lease/n'
    await put(one, lease, pod('n'), true)
    await put(one, `${BLUE}a`)
    await put(one, lease, pod('n', { renewed: 1 }), true)
    await put(one, lease, pod('n', { renewed: 2 }), true)
    await one.close()
    const two = await openLevelStore(ctx, directory)
    assert.equal(two.revision, 4)
    assert.equal(((await two.get(lease))!.object as unknown as { renewed: number }).renewed, 2)
    assert.throws(() => two.watch('/registry/coordination.k8s.io/leases/', 3), Compacted)
    two.watch('/registry/coordination.k8s.io/leases/', 4).close()
    assert.deepEqual(shown(await take(two.watch(PODS, 0)[Symbol.asyncIterator](), 1)), ['put a 2'])
    assert.equal((await put(two, lease, pod('n'), true)).revision, 5)
    await two.close()
  })

  it('what was removed by a volatile write is gone after an orderly close, however it was written', async () => {
    const directory = await temporary()
    const one = await openLevelStore(ctx, directory)
    const keys = ['a', 'b'].map((name) => `/registry/core/events/blue/${name}`)
    await put(one, keys[0]!, pod('a'))
    await put(one, keys[1]!, pod('b'), true)
    for (const key of keys) {
      const expect = (await one.get(key))!.revision
      assert.ok((await one.write({ key, expect, object: undefined, volatile: true })).ok)
    }
    await one.close()
    const two = await openLevelStore(ctx, directory)
    assert.equal(two.revision, 4)
    assert.deepEqual((await two.list('/registry/core/events/')).entries, [])
    // Its log still speaks of the first one.
    await put(two, `${BLUE}a`)
    await put(two, keys[0]!, pod('a'), true)
    await two.close()
    const three = await openLevelStore(ctx, directory)
    assert.equal((await three.list('/registry/core/')).entries.length, 2)
    await three.close()
  })

  it('the log on disk stays within its bounds', async () => {
    const directory = await temporary()
    const store = await openLevelStore(ctx, directory, { maxEvents: 20, minEvents: 1 })
    for (let i = 0; i < 300; i++) {
      const key = `${BLUE}k${i % 6}`
      if (i % 11 === 0 && (await store.get(key))) await remove(store, key)
      else await put(store, key, pod('k', { i }), i % 5 === 0)
    }
    await store.close()
    const handle = await openDatabase(directory)
    let records = 0
    for await (const portion of handle.scan('l')) records += portion.length
    await handle.close()
    assert.ok(records <= 20 + 6 + 1, `${records} records`)
  })

  it('what the disk holds at any instant is a whole store with every durable write', async () => {
    const directory = await temporary()
    const random = seeded(21)
    const store = await openLevelStore(ctx, directory, { maxEvents: 15, minEvents: 1 })
    const durable = new Map<string, string>()
    const lease = '/registry/coordination.k8s.io/leases/blue/l'
    for (let step = 1; step <= 240; step++) {
      const key = `${BLUE}k${random(8)}`
      const action = random(8)
      if (action < 2) await put(store, `${lease}${random(3)}`, pod('l', { step }), true)
      else if (action < 4 && durable.has(key)) {
        await remove(store, key)
        durable.delete(key)
      } else durable.set(key, text((await put(store, key, pod('k', { step }))).json))
      if (step % 12 !== 0) continue
      // As after kill -9: the files as they are now.
      const crashed = await temporary()
      await cp(directory, crashed, { recursive: true })
      const found = await openLevelStore(ctx, crashed, { maxEvents: 15, minEvents: 1 })
      assert.deepEqual(
        (await found.list(PODS)).entries.map((e) => [e.key, text(e.json)]),
        [...durable].sort(([a], [b]) => (a < b ? -1 : 1)),
      )
      assert.ok(found.revision >= store.revision)
      for (let back = 0; back < 15; back++) {
        const revision = store.revision - back
        if (revision < 1) break
        const shows = async (from: Store) => (await from.list(PODS, { revision })).entries.map((e) => text(e.json))
        assert.deepEqual(await shows(found), await shows(store), `step ${step}, revision ${revision}`)
      }
      await put(found, `${BLUE}after`)
      await found.close()
    }
    await store.close()
  })

  it('a write that failed is taken back even if it reached the disk', async (t) => {
    const directory = await temporary()
    const bounds: StoreOptions = { maxEvents: 3, minEvents: 1 }
    let store = await openLevelStore(ctx, directory, bounds)
    for (let i = 0; i < 5; i++) await put(store, `${BLUE}a`, pod('a', { i }))
    await put(store, `${BLUE}b`)
    const before = (await store.list(PODS)).entries.map((e) => text(e.json))
    const original = LevelHandle.prototype.batch
    const fault = t.mock.method(
      LevelHandle.prototype,
      'batch',
      async function (this: LevelHandle, operations: Operation[]) {
        await original.call(this, operations)
        throw new Error('IO error: fsync failed')
      },
    )
    const attempts = [put(store, `${BLUE}a`, pod('a', { i: 9 })), remove(store, `${BLUE}b`), put(store, `${BLUE}c`)]
    for (const attempt of await Promise.allSettled(attempts)) assert.equal(attempt.status, 'rejected')
    fault.mock.restore()
    assert.deepEqual(
      (await store.list(PODS)).entries.map((e) => text(e.json)),
      before,
    )
    await put(store, `${BLUE}d`)
    await store.close()
    store = await openLevelStore(ctx, directory, bounds)
    const after = (await store.list(PODS)).entries.map((e) => text(e.json))
    assert.deepEqual(after.slice(0, 2), before)
    assert.equal(after.length, 3)
    assert.deepEqual(
      (await store.list(PODS, { revision: 6 })).entries.map((e) => text(e.json)),
      before,
    )
    await store.close()
  })

  it('opening and closing without a write changes nothing on disk that matters', async () => {
    const directory = await temporary()
    await (await openLevelStore(ctx, directory)).close()
    const store = await openLevelStore(ctx, directory)
    assert.equal(store.revision, 0)
    assert.equal((await put(store, `${BLUE}a`)).revision, 1)
    await store.close()
  })
})
