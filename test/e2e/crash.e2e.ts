// A hundred times kill -9, at any moment, under 64 writers at once: what was acknowledged is there, what was not is there wholly or not at all, revisions
// only grow, and watches go on where they were. SKIFF_CRASH_ROUNDS and SKIFF_FUZZ_SEED make it longer or different.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { testSealer } from '../../src/apiserver/storage/encryption/test-sealer.ts'
import { openLevelStore } from '../../src/apiserver/storage/leveldb.ts'
import { silentLogger } from '../../src/base/log.ts'
import { Random, SEED } from '../fuzz/random.ts'
import { CrashServer, type Json } from './crash-server.ts'
import { CrashWatcher } from './crash-watcher.ts'
import { KINDS, numberIn, Writer } from './crash-writers.ts'

const ROUNDS = Number(process.env['SKIFF_CRASH_ROUNDS'] ?? 100)
const WRITERS = 64
/** Acknowledged writes in one life, and how long it goes on after the last of them. */
const WRITES_AT_MOST = 250
const GOES_ON_AT_MOST_MS = 12
/** Rounds in which the machine loses its power instead, and the server is killed while it starts. */
const POWER_CUT_EVERY = 20
const DIES_EARLY_EVERY = 10

const directory = await mkdtemp(join(tmpdir(), 'skiff-crash-'))
after(() => rm(directory, { recursive: true, force: true }))

test(`acknowledged writes survive ${ROUNDS} times kill -9 under ${WRITERS} writers, and watches go on`, {
  timeout: 600_000,
}, async (t) => {
  const random = new Random(SEED)
  const writers = Array.from({ length: WRITERS }, (_, i) => new Writer(i, () => random.next()))
  let watchers: CrashWatcher[] | undefined
  let newest = 0
  for (let round = 0; round < ROUNDS; round++) {
    const note = `seed ${SEED}, round ${round}`
    if (round % DIES_EARLY_EVERY === 5) await dieEarly(random.below(500))
    const server = await CrashServer.start(directory)
    const lists = await Promise.all(KINDS.map((kind) => listed(server, kind.path)))
    for (const writer of writers) writer.check(lists[KINDS.indexOf(writer.kind)]!.objects, note)
    const { revision } = lists.at(-1)!
    assert.ok(revision >= newest, `${note}: revision ${revision} after ${newest}`)
    watchers ??= [...KINDS, ...KINDS].map((kind) => new CrashWatcher(kind, revision))
    const watching = watchers.map((watcher) => watcher.run(server))
    await Promise.all(watchers.map((watcher) => watcher.reaches(lists[KINDS.indexOf(watcher.kind)]!.objects, revision)))
    const writing = writers.map((writer) => writer.run(server))
    await acknowledged(writers, random.below(WRITES_AT_MOST))
    await new Promise((resolve) => setTimeout(resolve, random.below(GOES_ON_AT_MOST_MS)))
    if (round % POWER_CUT_EVERY === 10) await powerCut(server, writers, note)
    await server.kill()
    await Promise.all([...writing, ...watching])
    newest = Math.max(newest, ...writers.flatMap(({ acknowledged }) => acknowledged.at(-1)?.revision ?? 0))
  }
  const server = await CrashServer.start(directory)
  const seen = watchers!.map((watcher) => watcher.run(server))
  for (const kind of KINDS) {
    const { objects, revision } = await listed(server, kind.path)
    for (const writer of writers) if (writer.kind === kind) writer.check(objects, 'in the end')
    for (const watcher of watchers!) if (watcher.kind === kind) await watcher.reaches(objects, revision)
  }
  await server.kill()
  await Promise.all(seen)
  const revisions = writers.flatMap(({ kind, acknowledged }) =>
    acknowledged.flatMap(({ revision, name }) => (revision === undefined ? [] : [{ kind, revision, name }])),
  )
  for (const watcher of watchers!) {
    for (const { kind, revision, name } of revisions) {
      if (kind === watcher.kind) assert.ok(watcher.revisions.has(revision), `${name} at ${revision} was not seen`)
    }
  }
  assert.equal(new Set(revisions.map(({ revision }) => revision)).size, revisions.length, 'no revision was given twice')
  const count = writers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0)
  t.diagnostic(`${count} acknowledged writes, ${watchers!.map(({ revisions }) => revisions.size)} events seen`)
})

/** Until so many more writes have been acknowledged. */
function acknowledged(writers: readonly Writer[], count: number): Promise<void> {
  return new Promise((resolve) => {
    let left = count
    const one = () => {
      if (left-- <= 0) resolve()
    }
    for (const writer of writers) writer.onAcknowledged = one
    one()
  })
}

async function listed(server: CrashServer, path: string): Promise<{ objects: Map<string, Json>; revision: number }> {
  const reply = await server.send('GET', path)
  assert.equal(reply?.status, 200, JSON.stringify(reply?.body))
  const objects = reply!.body.items.filter(({ metadata }: Json) => /^w\d/.test(metadata.name))
  return {
    objects: new Map(objects.map((object: Json) => [object.metadata.name, object])),
    revision: Number(reply!.body.metadata.resourceVersion),
  }
}

/** Killed before it listens, perhaps. */
async function dieEarly(afterMs: number): Promise<void> {
  const child = CrashServer.spawn(directory)
  const exited = once(child, 'exit')
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  child.kill('SIGKILL')
  await exited
}

/** The files as they are at one moment, with the process standing still, are a database that has every acknowledged write. */
async function powerCut(server: CrashServer, writers: readonly Writer[], note: string): Promise<void> {
  const copy = await mkdtemp(join(tmpdir(), 'skiff-power-'))
  const possible = writers.flatMap((writer) => writer.possible())
  server.process.kill('SIGSTOP')
  try {
    await cp(join(directory, 'db'), copy, { recursive: true })
    const store = await openLevelStore({ log: silentLogger }, copy, { sealer: testSealer() })
    const objects = new Map((await store.list('')).entries.map(({ object }) => [object.metadata.name, object]))
    for (const [name, values] of possible) {
      const object = objects.get(name)
      const value = object && numberIn(object)
      assert.ok(values.includes(value), `${note}, power cut: ${name} is ${value} and not ${values}`)
    }
    await store.close()
  } finally {
    server.process.kill('SIGCONT')
    await rm(copy, { recursive: true })
  }
}
