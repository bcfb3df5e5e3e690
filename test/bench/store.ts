// The store's write rate beside LevelDB's own, in one run: 1 KiB objects from 1, 16 and 64 writers; `level` batches of the same two
// records, each synced on its own, by as many writers. Also a LIST of 5,000 objects and a fan-out to 100 watchers.
// Run with `node test/bench/store.ts [seconds per row]`; SKIFF_BENCH_DIR chooses the disk.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { openLevelStore } from '../../src/apiserver/storage/leveldb.ts'
import type { Entry } from '../../src/apiserver/storage/store.ts'
import { silentLogger } from '../../src/base/log.ts'

const seconds = Number(process.argv[2] ?? 2)
const root = await mkdtemp(join(process.env['SKIFF_BENCH_DIR'] ?? tmpdir(), 'skiff-bench-'))
const filler = 'x'.repeat(850)
const object = (name: string) =>
  ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default' },
    data: { filler },
  }) as unknown as Entry['object']

async function rate(writers: number, write: (name: string) => Promise<unknown>): Promise<number> {
  const endMs = performance.now() + seconds * 1000
  const startMs = performance.now()
  let count = 0
  await Promise.all(
    Array.from({ length: writers }, async (_, n) => {
      for (let i = 0; performance.now() < endMs; i++) {
        await write(`w${n}-${i}`)
        count++
      }
    }),
  )
  return Math.round((count * 1000) / (performance.now() - startMs))
}

const rows: Record<string, string | number>[] = []
for (const writers of [1, 16, 64]) {
  const level = new Level<string, Uint8Array>(join(root, `raw-${writers}`), { valueEncoding: 'view' })
  await level.open()
  const raw = await rate(writers, (name) => {
    const value = Buffer.from(JSON.stringify(object(name)))
    return level.batch(
      [
        { type: 'put', key: `k${name}`, value },
        { type: 'put', key: `l${name}`, value },
      ],
      { sync: true } as object,
    )
  })
  await level.close()
  const store = await openLevelStore({ log: silentLogger }, join(root, `store-${writers}`))
  const ours = await rate(writers, (name) =>
    store.write({ key: `/registry/core/configmaps/default/${name}`, expect: 0, object: object(name) }),
  )
  await store.close()
  rows.push({ writers, 'level batch+sync (writes/s)': raw, 'store (writes/s)': ours, ratio: (ours / raw).toFixed(2) })
}
console.table(rows)

const store = await openLevelStore({ log: silentLogger }, join(root, 'list'))
const keys = Array.from({ length: 5000 }, (_, i) => `/registry/core/configmaps/default/c${i}`)
await Promise.all(keys.map((key) => store.write({ key, expect: 0, object: object(key) })))
const timed = async (rounds: number, run: () => Promise<unknown>) => {
  const startMs = performance.now()
  for (let i = 0; i < rounds; i++) await run()
  return ((performance.now() - startMs) / rounds).toFixed(3)
}
const prefix = '/registry/core/configmaps/'
console.log(`LIST of 5,000: ${await timed(200, () => store.list(prefix))} ms`)
const watchers = Array.from({ length: 100 }, () => store.watch(prefix, store.revision)[Symbol.asyncIterator]())
const events = 200
const fanOut = async () => {
  const reads = watchers.map(async (watcher) => {
    for (let i = 0; i < events; i++) await watcher.next()
  })
  await Promise.all(
    keys.slice(0, events).map(async (key) => {
      const { revision } = (await store.get(key))!
      await store.write({ key, expect: revision, object: object(key) })
    }),
  )
  await Promise.all(reads)
}
console.log(`fan-out of ${events} events to 100 watchers: ${await timed(5, fanOut)} ms`)
await store.close()
const openStart = performance.now()
const again = await openLevelStore({ log: silentLogger }, join(root, 'list'))
console.log(`opening a store of 5,000 objects: ${(performance.now() - openStart).toFixed(0)} ms`)
await again.close()
await rm(root, { recursive: true })
