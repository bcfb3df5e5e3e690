// The part of the Store contract's suite that is about watches: order, gaps, bounds and endings.
import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { FakeClock } from '../../base/clock.ts'
import { Compacted, FutureRevision, WatcherOverrun } from './store.ts'
import { BLUE, PODS, put, remove, type StoreTest, shown, take } from './store-suite.ts'

export function watchSuite(engine: string, test: StoreTest): void {
  describe(`${engine} store: watches`, () => {
    test('a watch from a list misses nothing and repeats nothing', async (store) => {
      await put(store, `${BLUE}a`)
      const { revision } = await store.list(PODS)
      await put(store, `${BLUE}b`)
      const watch = store.watch(PODS, revision)
      await put(store, '/registry/core/secrets/blue/s')
      await put(store, `${BLUE}a`)
      await remove(store, `${BLUE}b`)
      const events = await take(watch[Symbol.asyncIterator](), 3)
      assert.deepEqual(shown(events), ['put b 2', 'put a 4', 'delete b 5'])
      assert.deepEqual(
        events.map((event) => event.prev?.revision),
        [undefined, 1, 2],
      )
    })

    test('a watch sees its own prefix only, be it a namespace, a kind or one key', async (store) => {
      const seen = async (prefix: string, count: number) =>
        shown(await take(store.watch(prefix, 0)[Symbol.asyncIterator](), count))
      const live = store.watch(`${BLUE}a`, 0)[Symbol.asyncIterator]()
      await put(store, `${BLUE}a`)
      await put(store, `${PODS}bluer/a`)
      await put(store, `${PODS}green/b`)
      await put(store, `${BLUE}b`)
      await put(store, `${BLUE}a`)
      assert.deepEqual(await seen(BLUE, 3), ['put a 1', 'put b 4', 'put a 5'])
      assert.deepEqual(await seen(PODS, 5), ['put a 1', 'put a 2', 'put b 3', 'put b 4', 'put a 5'])
      assert.deepEqual(shown(await take(live, 2)), ['put a 1', 'put a 5'])
    })

    test('events arrive in order, each once, with 20 watchers and concurrent writers', async (store) => {
      const watchers = Array.from({ length: 20 }, () => store.watch(PODS, 0)[Symbol.asyncIterator]())
      const expected = Array.from({ length: 200 }, (_, i) => i + 1)
      const reads = watchers.map(async (watcher) => (await take(watcher, 200)).map((event) => event.entry.revision))
      await Promise.all(expected.map((i) => put(store, `${BLUE}p${i}`)))
      for (const revisions of await Promise.all(reads)) assert.deepEqual(revisions, expected)
    })

    test('watchers share entries: nothing is copied or encoded again', async (store) => {
      const [one, two] = [store.watch(PODS, 0), store.watch(BLUE, 0)].map((w) => w[Symbol.asyncIterator]())
      const entry = await put(store, `${BLUE}a`)
      assert.equal((await take(one!, 1))[0]!.entry, entry)
      assert.equal((await take(two!, 1))[0]!.entry, entry)
    })

    test('a watch ends when it is closed, when its reader leaves and when the store closes', async (store) => {
      const closed = store.watch(PODS, 0)
      const reading = closed[Symbol.asyncIterator]().next()
      closed.close()
      closed.close()
      assert.equal((await reading).done, true)
      await put(store, `${BLUE}a`)
      for await (const _ of store.watch(PODS, 0)) break
      const last = store.watch(PODS, 1)[Symbol.asyncIterator]().next()
      await store.close()
      assert.equal((await last).done, true)
    })

    test(
      'a reader that falls too far behind is cut off, and the others are not',
      async (store) => {
        const slow = store.watch(PODS, 0)[Symbol.asyncIterator]()
        const fast = store.watch(PODS, 0)[Symbol.asyncIterator]()
        for (let i = 0; i < 12; i++) {
          await put(store, `${BLUE}p${i}`)
          await take(fast, 1)
        }
        await assert.rejects(slow.next(), WatcherOverrun)
        await put(store, `${BLUE}z`)
        assert.deepEqual(shown(await take(fast, 1)), ['put z 13'])
      },
      { maxBufferedEvents: 10 },
    )

    test('a watch in the future is refused', async (store) => {
      assert.throws(() => store.watch(PODS, 1), FutureRevision)
    })

    test(
      'past the bound of the event log a watch and an old list are refused, and the newest still work',
      async (store) => {
        for (let i = 0; i < 15; i++) await put(store, `${BLUE}p${i}`)
        assert.throws(
          () => store.watch(PODS, 4),
          (err) => err instanceof Compacted && err.oldest === 5,
        )
        await assert.rejects(store.list(PODS, { revision: 4 }), Compacted)
        assert.equal((await take(store.watch(PODS, 5)[Symbol.asyncIterator](), 10)).length, 10)
        assert.equal((await store.list(PODS, { revision: 5 })).entries.length, 5)
      },
      { maxEvents: 10 },
    )

    const clock = new FakeClock()
    test(
      'old events go when newer ones come, but a quiet store keeps its last',
      async (store) => {
        for (let i = 0; i < 6; i++) await put(store, `${BLUE}p${i}`)
        await clock.advance(24 * 3600_000)
        assert.equal((await take(store.watch(PODS, 0)[Symbol.asyncIterator](), 6)).length, 6)
        await put(store, `${BLUE}new`)
        assert.throws(() => store.watch(PODS, 3), Compacted)
        assert.deepEqual(shown(await take(store.watch(PODS, 4)[Symbol.asyncIterator](), 3)), [
          'put p4 5',
          'put p5 6',
          'put new 7',
        ])
      },
      { clock, minEvents: 3, maxAgeMs: 60_000 },
    )

    test('a follower is called before the write resolves', async (store) => {
      await put(store, `${BLUE}a`)
      const seen: string[] = []
      const follower = store.follow(PODS, 0, (event) => seen.push(...shown([event])))
      assert.deepEqual(seen, ['put a 1'])
      await put(store, `${BLUE}b`)
      assert.deepEqual(seen, ['put a 1', 'put b 2'])
      follower.close()
      await put(store, `${BLUE}c`)
      assert.equal(seen.length, 2)
    })

    test('reached resolves with the revision and rejects when aborted', async (store) => {
      const abort = new AbortController()
      await put(store, `${BLUE}a`)
      await store.reached(1, abort.signal)
      const second = store.reached(2, abort.signal)
      const never = store.reached(99, abort.signal)
      await put(store, `${BLUE}b`)
      await second
      abort.abort()
      await assert.rejects(never, { name: 'AbortError' })
    })
  })
}
