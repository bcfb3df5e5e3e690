// The LevelDB engine against kill -9, a full disk and damaged files.
import assert from 'node:assert/strict'
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { silentLogger } from '../../base/log.ts'
import { testSealer } from './encryption/test-sealer.ts'
import { openLevelStore } from './leveldb.ts'
import { Compacted, type Store, StoreUnusable } from './store.ts'
import { PODS, pod, put, remove, seeded, shown, take } from './store-suite.ts'

const ctx = { log: silentLogger }
const BLUE = `${PODS}blue/`
const WRITER = join(import.meta.dirname, '../../../test/fixtures/store-writer.ts')

const directories: string[] = []
after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true }))))
async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'skiff-crash-'))
  directories.push(directory)
  return directory
}

describe('LevelDB store: kill -9', () => {
  for (const sealed of [false, true]) {
    const how = sealed ? ', with encrypted values' : ''
    it(`every acknowledged write survives, in order and whole, however often the process is killed${how}`, async () => {
      const env = { ...process.env, ...(sealed ? { SKIFF_TEST_SEALED: '1' } : {}) }
      const directory = await temporary()
      const random = seeded(5)
      const acknowledged = new Map<string, number>()
      for (let round = 0; round < 4; round++) {
        const child = fork(WRITER, [directory, String(round)], { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
        const enough = 40 + random(200)
        let count = 0
        child.on('message', ({ key, revision }: { key: string; revision: number }) => {
          acknowledged.set(key, revision)
          if (++count === enough) child.kill('SIGKILL')
        })
        const [, signal] = await once(child, 'exit')
        assert.equal(signal, 'SIGKILL')
        const store = await openLevelStore(ctx, directory, sealed ? { sealer: testSealer() } : {})
        for (const [key, revision] of acknowledged) {
          const entry = await store.get(key)
          assert.ok(entry && entry.revision >= revision, `${key} at ${revision}`)
          assert.equal(entry.object.metadata.resourceVersion, String(entry.revision))
        }
        assert.ok(store.revision >= Math.max(...acknowledged.values()))
        // The log agrees with the state: the newest event of each key is what the key holds.
        const events = await take(store.watch('', 0)[Symbol.asyncIterator](), (await store.list('')).revision)
        const newest = new Map(events.map((event) => [event.entry.key, event.entry.revision]))
        for (const entry of (await store.list('')).entries) assert.equal(newest.get(entry.key), entry.revision)
        await store.close()
      }
    })
  }

  it('revisions never run backwards when volatile writes were lost, and their watchers must list again', async () => {
    const directory = await temporary()
    const child = fork(WRITER, [directory, 'volatile'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    let newest = 0
    child.on('message', ({ revision }: { revision: number }) => {
      newest = Math.max(newest, revision)
      if (newest >= 500) child.kill('SIGKILL')
    })
    await once(child, 'exit')
    const store = await openLevelStore(ctx, directory)
    assert.ok(store.revision >= newest)
    const lease = await store.get('/registry/coordination.k8s.io/leases/kube-node-lease/n')
    assert.equal(lease?.revision, 1, 'the last durable state came back')
    assert.throws(() => store.watch('/registry/coordination.k8s.io/leases/', newest), Compacted)
    store.watch(PODS, newest).close()
    assert.ok((await put(store, `${BLUE}after`)).revision > newest)
    await store.close()
  })
})

describe('LevelDB store: full disk', () => {
  const canMount = process.getuid?.() === 0
  it('a write that does not fit fails, changes nothing, and writes work again when there is space', {
    skip: !canMount && 'needs root to mount a small disk',
  }, async () => {
    const disk = await temporary()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'none', disk])
    try {
      let store = await openLevelStore(ctx, join(disk, 'data'))
      await put(store, `${BLUE}a`, pod('a', { state: 'before' }))
      await put(store, `${BLUE}b`)
      const ballast = join(disk, 'ballast')
      await fill(ballast)
      const big = 'x'.repeat(300_000)
      let failures = 0
      for (let i = 0; i < 5; i++) {
        await assert.rejects(put(store, `${BLUE}a`, pod('a', { big: big + i })), (err: Error) => {
          assert.equal(err.name, 'StoreFailed')
          assert.match(
            err.message,
            /cannot write to the database in .*: free some space; the next write will try again$/i,
          )
          failures++
          return true
        })
        // Also those that were queued behind the failing write.
        const results = await Promise.allSettled([1, 2, 3].map((n) => put(store, `${BLUE}new${n}`, pod('n', { big }))))
        assert.ok(results.every((result) => result.status === 'rejected'))
      }
      assert.equal(failures, 5)
      assert.equal((await store.get(`${BLUE}a`))?.revision, 1)
      assert.equal((await store.list('')).entries.length, 2)
      await rm(ballast)
      const entry = await put(store, `${BLUE}a`, pod('a', { state: 'after' }))
      await remove(store, `${BLUE}b`)
      assert.deepEqual(
        shown(await take(store.watch('', 0)[Symbol.asyncIterator](), 4)).at(-1),
        `delete b ${store.revision}`,
      )
      await store.close()
      store = await openLevelStore(ctx, join(disk, 'data'))
      assert.equal((await store.get(`${BLUE}a`))?.revision, entry.revision)
      assert.deepEqual(
        (await store.list('')).entries.map((e) => e.key),
        [`${BLUE}a`],
      )
      await store.close()
    } finally {
      execFileSync('umount', [disk])
    }
  })
})

async function fill(path: string): Promise<void> {
  const file = await open(path, 'w')
  try {
    for (const block of [Buffer.alloc(65536), Buffer.alloc(4096)]) {
      for (;;) await file.write(block)
    }
  } catch (err) {
    assert.equal((err as NodeJS.ErrnoException).code, 'ENOSPC')
  } finally {
    await file.close()
  }
}

describe('LevelDB store: damage', () => {
  /** A database with some tables, some log, and more keys than fit in one block. */
  const original = (async () => {
    const directory = await temporary()
    for (let round = 0; round < 3; round++) {
      const store = await openLevelStore(ctx, directory)
      await Promise.all(
        Array.from({ length: 300 }, (_, i) =>
          put(store, `${BLUE}p${i}`, pod(`p${i}`, { round, filler: `${i}`.repeat(90) })),
        ),
      )
      await store.close()
    }
    return directory
  })()
  const copy = async () => {
    const directory = await temporary()
    await cp(await original, directory, { recursive: true })
    return directory
  }
  const files = async (directory: string, pattern: RegExp) =>
    (await readdir(join(directory, 'db')))
      .filter((name) => pattern.test(name))
      .map((name) => join(directory, 'db', name))
  const garble = async (path: string, fraction: number) => {
    const bytes = await readFile(path)
    const at = Math.floor(bytes.length * fraction)
    for (let i = at; i < Math.min(at + 40, bytes.length); i++) bytes[i] = bytes[i]! ^ 0x5a
    await writeFile(path, bytes)
  }
  /** Either refused with advice, or whole. Never less than was stored. */
  const refusedOrWhole = async (directory: string, how: string): Promise<boolean> => {
    let store: Store
    try {
      store = await openLevelStore(ctx, directory)
    } catch (err) {
      assert.ok(err instanceof StoreUnusable, `${how}: ${err}`)
      assert.equal(err.why, 'damaged', how)
      assert.match(
        err.message,
        /is damaged .*Nothing was changed. Restore the directory from a backup, or move it away/,
      )
      return true
    }
    const { entries } = await store.list('')
    await store.close()
    assert.equal(entries.length, 300, how)
    for (const entry of entries) assert.equal((entry.object as unknown as { round: number }).round, 2, how)
    return false
  }

  for (const pattern of [/^CURRENT$/, /^MANIFEST/, /\.ldb$/]) {
    it(`a database whose ${pattern.source} files are gone is refused`, async () => {
      const directory = await copy()
      for (const path of await files(directory, pattern)) await rm(path)
      assert.equal(await refusedOrWhole(directory, `${pattern}`), true)
      assert.equal(
        await refusedOrWhole(directory, `${pattern}, again`),
        true,
        'opening it did not make it an empty one',
      )
    })

    it(`a database whose ${pattern.source} files are truncated or garbled is refused`, async () => {
      for (const fraction of [0, 0.3, 0.5, 0.8, 0.97]) {
        const cut = await copy()
        for (const path of await files(cut, pattern))
          await truncate(path, Math.floor((await stat(path)).size * fraction))
        assert.equal(await refusedOrWhole(cut, `${pattern} cut at ${fraction}`), true, `${pattern} cut at ${fraction}`)
        const garbled = await copy()
        for (const path of await files(garbled, pattern)) await garble(path, fraction)
        await refusedOrWhole(garbled, `${pattern} garbled at ${fraction}`)
      }
    })
  }

  it('garbled log files are noticed when something is missing in the middle', async () => {
    for (const fraction of [0.05, 0.3, 0.6]) {
      const directory = await temporary()
      const store = await openLevelStore(ctx, directory)
      for (let i = 0; i < 60; i++) await put(store, `${BLUE}p${i}`, pod(`p${i}`, { filler: 'y'.repeat(900) }))
      const live = await temporary()
      await cp(directory, live, { recursive: true })
      await store.close()
      for (const path of await files(live, /^\d+\.log$/)) await garble(path, fraction)
      await assert.rejects(openLevelStore(ctx, live), { name: 'StoreUnusable', why: 'damaged' }, `at ${fraction}`)
    }
  })

  it('an empty db directory over a marker is refused, and so are leftovers without the marker', async () => {
    const gone = await copy()
    await rm(join(gone, 'db'), { recursive: true })
    assert.equal(await refusedOrWhole(gone, 'db removed'), true)
    const leftovers = await copy()
    await rm(join(leftovers, 'store.json'))
    await rm(join(leftovers, 'db', 'CURRENT'))
    assert.equal(await refusedOrWhole(leftovers, 'marker and CURRENT removed'), true)
  })

  it('a marker of a newer format is refused', async () => {
    const directory = await copy()
    await writeFile(join(directory, 'store.json'), '{"format":2}')
    await assert.rejects(openLevelStore(ctx, directory), { name: 'StoreUnusable', why: 'too new' })
  })

  it('a second opener is told that the database is in use, and the first goes on', async () => {
    const directory = await temporary()
    const store = await openLevelStore(ctx, directory)
    const child = fork(WRITER, [directory, 'report'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const [message] = (await once(child, 'message')) as [{ error: string; why: string }]
    assert.equal(message.why, 'in use')
    assert.match(message.error, /in use by another process: stop that one first, or choose another data directory/)
    await put(store, `${BLUE}a`)
    await store.close()
  })
})

describe('LevelDB store: stillness', () => {
  it('nothing is written while nothing durable changes', async () => {
    const directory = await temporary()
    const store = await openLevelStore(ctx, directory)
    const lease = '/registry/coordination.k8s.io/leases/kube-node-lease/n'
    await put(store, lease, pod('n'), true)
    await put(store, `${BLUE}a`)
    const sizes = async () => {
      const names = await readdir(join(directory, 'db'))
      return Promise.all(
        names
          .sort()
          .map(async (name) => [name, await stat(join(directory, 'db', name)).then((s) => [s.size, s.mtimeMs])]),
      )
    }
    const before = await sizes()
    for (let i = 0; i < 2000; i++) await put(store, lease, pod('n', { i }), true)
    assert.deepEqual(await sizes(), before)
    await store.close()
  })
})
