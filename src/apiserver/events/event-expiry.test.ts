import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event } from '../../api/kinds/event.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import { FakeClock } from '../../base/clock.ts'
import { silentLogger as log } from '../../base/log.ts'
import { keyOf, prefixOf } from '../storage/keys.ts'
import { openMemoryStore } from '../storage/memory.ts'
import { type Store, StoreFailed, type Write } from '../storage/store.ts'
import { EventExpiry } from './event-expiry.ts'

const MINUTE = 60_000

async function start(mostEvents?: number, store = openMemoryStore()) {
  const clock = new FakeClock()
  const write = async (name: string, times: { lastTimestamp?: string } = {}) => {
    const key = keyOf(Event, 'blue', name)
    const metadata = { name, namespace: 'blue', creationTimestamp: formatTime(clock.now()) }
    const expect = (await store.get(key))?.revision ?? 0
    const object = { apiVersion: 'v1', kind: 'Event', metadata, ...times } as unknown as KubeObject
    assert.ok((await store.write({ key, expect, object, volatile: true })).ok)
  }
  const open = () => EventExpiry.open({ store, clock, log, ...(mostEvents === undefined ? {} : { mostEvents }) })
  const names = async () => (await store.list(prefixOf(Event))).entries.map(({ object }) => object.metadata.name)
  return { store, clock, write, open, names }
}
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('an event goes an hour after it was written', async () => {
  const { clock, write, open, names } = await start()
  const expiry = await open()
  await write('a')
  await clock.advance(10 * MINUTE)
  await write('b')
  await clock.advance(50 * MINUTE - 1)
  assert.deepEqual(await names(), ['a', 'b'])
  await clock.advance(1)
  assert.deepEqual(await names(), ['b'])
  await clock.advance(10 * MINUTE)
  assert.deepEqual(await names(), [])
  await expiry.close()
})

test('an event that happens again lives on', async () => {
  const { clock, write, open, names } = await start()
  const expiry = await open()
  await write('a')
  await clock.advance(40 * MINUTE)
  await write('a')
  await clock.advance(59 * MINUTE)
  assert.deepEqual(await names(), ['a'])
  await clock.advance(MINUTE)
  assert.deepEqual(await names(), [])
  await expiry.close()
})

test('no timer is set while there are no events, and one while there are many', async () => {
  const { clock, write, open } = await start()
  let timers = 0
  const after = clock.after.bind(clock)
  clock.after = (ms, callback) => {
    timers++
    return after(ms, callback)
  }
  const expiry = await open()
  assert.equal(clock.untilNextMs(), undefined)
  for (let i = 0; i < 100; i++) await write(`e${i}`)
  assert.equal(timers, 1)
  await clock.advance(60 * MINUTE)
  assert.equal(clock.untilNextMs(), undefined)
  await expiry.close()
})

test('events of before a restart go an hour after the last time they name, those overdue at once', async () => {
  const { clock, write, open, names } = await start()
  const at = (minutes: number) => formatTime(clock.now() + minutes * MINUTE)
  await write('overdue')
  await write('repeated', { lastTimestamp: at(50) })
  await write('of a wrong clock', { lastTimestamp: at(100_000) })
  await clock.advance(90 * MINUTE)
  const expiry = await open()
  await clock.advance(0)
  assert.deepEqual(await names(), ['of a wrong clock', 'repeated'])
  await clock.advance(20 * MINUTE)
  assert.deepEqual(await names(), ['of a wrong clock'])
  await clock.advance(40 * MINUTE)
  assert.deepEqual(await names(), [])
  await expiry.close()
})

test('past the bound the oldest go', async () => {
  const { clock, write, open, names } = await start(3)
  const expiry = await open()
  for (const name of ['a', 'b', 'c']) await write(name)
  await write('a')
  await write('d')
  await write('e')
  await settled()
  assert.deepEqual(await names(), ['a', 'd', 'e'])
  assert.equal(clock.untilNextMs(), 60 * MINUTE)
  await expiry.close()
})

test('removals are volatile, and other watchers see them in order', async () => {
  const inner = openMemoryStore()
  const removals: Write[] = []
  const store: Store = Object.assign(Object.create(inner), {
    list: inner.list.bind(inner),
    get: inner.get.bind(inner),
    follow: inner.follow.bind(inner),
    write: (write: Write) => {
      if (!write.object) removals.push(write)
      return inner.write(write)
    },
  })
  const { write, open } = await start(1, store)
  const expiry = await open()
  const seen: number[] = []
  inner.follow(prefixOf(Event), inner.revision, ({ entry }) => seen.push(entry.revision))
  for (const name of ['a', 'b', 'c']) await write(name)
  await settled()
  assert.deepEqual(
    removals.map((removal) => removal.volatile),
    [true, true],
  )
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  )
  assert.equal(seen.length, 5)
  await expiry.close()
})

test('a store that refuses is asked again a minute later', async () => {
  const inner = openMemoryStore()
  let full = true
  const store: Store = Object.assign(Object.create(inner), {
    list: inner.list.bind(inner),
    get: inner.get.bind(inner),
    follow: inner.follow.bind(inner),
    write: async (write: Write) => {
      if (full && !write.object) throw new StoreFailed('no space left')
      return inner.write(write)
    },
  })
  const { clock, write, open, names } = await start(undefined, store)
  const expiry = await open()
  await write('a')
  await clock.advance(60 * MINUTE)
  assert.deepEqual(await names(), ['a'])
  full = false
  await clock.advance(MINUTE)
  assert.deepEqual(await names(), [])
  await expiry.close()
})

test('nothing is removed after the end', async () => {
  const { clock, write, open, names } = await start()
  const expiry = await open()
  await write('a')
  await expiry.close()
  await clock.advance(120 * MINUTE)
  assert.deepEqual(await names(), ['a'])
})
