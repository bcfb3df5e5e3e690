import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryStore } from './memory.ts'
import { StoredEntry } from './stored-entry.ts'

const JSON_BYTES = 16 * 1024
/** More than what is written may keep parsed. */
const MANY = 300

const entryOf = (n: number) => {
  const object = { metadata: { name: `o${n}` }, data: 'x'.repeat(JSON_BYTES) }
  return new StoredEntry(`/o${n}`, Buffer.from(JSON.stringify(object)), n + 1)
}

const readMany = (from: number, replaced: boolean) => {
  for (let n = from; n < from + MANY; n++) {
    const entry = entryOf(n)
    if (replaced) entry.replaced()
    assert.equal(entry.object.metadata.name, `o${n}`)
  }
}

test('what is read stays parsed while others are read and replaced', () => {
  const entry = entryOf(0)
  const { object } = entry
  readMany(1, false)
  readMany(1, true)
  assert.equal(entry.object, object)
})

test('what was read and then replaced stays parsed for its watchers, and is let go after them', () => {
  const entry = entryOf(0)
  const { object } = entry
  entry.replaced()
  assert.equal(entry.object, object)
  readMany(1, true)
  assert.notEqual(entry.object, object)
  assert.deepEqual(entry.object, object)
})

test('what is replaced makes room for what is read', () => {
  const kept = entryOf(0)
  const { object } = kept
  // Far more than there is room for, were the values from before still counted.
  for (let n = 1; n < 3000; n++) {
    const entry = entryOf(n)
    assert.ok(entry.object)
    entry.replaced()
  }
  assert.equal(kept.object, object)
})

test('what has fallen out of the room by itself may be replaced later', () => {
  const entries = Array.from({ length: 3000 }, (_, n) => entryOf(n))
  for (const entry of entries) assert.ok(entry.object)
  for (const entry of entries) entry.replaced()
  for (const entry of entries) assert.equal(entry.object.metadata.name, entry.key.slice(1))
})

test('a store tells its entries when they are replaced or deleted', async () => {
  const store = openMemoryStore()
  const write = async (key: string, n: number, expect: number) => {
    const object = { metadata: { name: 'a' }, data: `${n}${'x'.repeat(JSON_BYTES)}` } as never
    const result = await store.write({ key, expect, object })
    return result.ok ? result.entry! : assert.fail('lost')
  }
  let mine = await write('/r/a', 0, 0)
  const firsts: { entry: typeof mine; object: object }[] = []
  const fill = async () => {
    for (let n = 0, other = await store.get('/r/b'); n < MANY; n++) other = await write('/r/b', n, other?.revision ?? 0)
  }
  for (let n = 1; n <= 2; n++) {
    await fill() // so that it is parsed anew, and stands among what was read
    firsts.push({ entry: mine, object: mine.object })
    if (n === 1) mine = await write('/r/a', n, mine.revision)
    else await store.write({ key: '/r/a', expect: mine.revision, object: undefined })
  }
  await fill()
  for (const { entry, object } of firsts) assert.notEqual(entry.object, object)
  await store.close()
})
