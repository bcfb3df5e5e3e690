// Encryption at rest on the LevelDB engine: what is on the disk, key files, rotation, and databases from before.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { silentLogger } from '../../../base/log.ts'
import { openLevelStore } from '../leveldb.ts'
import { type Store, StoreUnusable } from '../store.ts'
import { PODS, put, remove, storeSuite } from '../store-suite.ts'
import { parseEncryptionConfiguration } from './configuration.ts'
import { addKey, dropOlderKeys, keyCount, rulesOf, sealerOf } from './key-file.ts'
import { KeyedSealer } from './sealer.ts'

const ctx = { log: silentLogger }
const directories: string[] = []
after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true }))))
async function temporary() {
  const directory = await mkdtemp(join(tmpdir(), 'skiff-encryption-'))
  directories.push(directory)
  return { database: join(directory, 'db'), keys: join(directory, 'pki', 'encryption.json') }
}

const SECRETS = '/registry/core/secrets/blue/'
const secret = (name: string, value: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'blue' },
  stringData: { value },
})
const textOf = async (store: Store, name: string) =>
  ((await store.get(SECRETS + name))?.object as { stringData?: { value: string } } | undefined)?.stringData?.value

async function filesWith(database: string, text: string): Promise<string[]> {
  const found: string[] = []
  for (const file of await readdir(database, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue
    if ((await readFile(join(file.parentPath, file.name))).includes(text)) found.push(file.name)
  }
  return found
}

const rules = (provider: object, resources = ['secrets']) =>
  parseEncryptionConfiguration({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: [{ resources, providers: [provider, { identity: {} }] }],
  })
const keys = (name: string, bytes = 32) => ({ keys: [{ name, secret: Buffer.alloc(bytes, name).toString('base64') }] })

storeSuite('encrypted LevelDB', async (options) => {
  const { database } = await temporary()
  const sealer = new KeyedSealer('keys', rules({ aesgcm: keys('k') }, ['*.*']))
  const store = await openLevelStore(ctx, database, { ...options, sealer })
  return { store, dispose: () => store.close() }
})

test('no value of a Secret is in any file of the database, not after an update, not after its removal', async () => {
  const { database, keys } = await temporary()
  const store = await openLevelStore(ctx, database, { sealer: await sealerOf(keys) })
  await put(store, `${SECRETS}a`, secret('a', 'first-words'))
  await put(store, `${SECRETS}a`, secret('a', 'second-words'))
  await put(store, `${SECRETS}b`, secret('b', 'third-words'))
  await remove(store, `${SECRETS}b`)
  await put(store, `${PODS}blue/p`, { ...secret('p', 'open-words') })
  for (const text of ['first-words', 'second-words', 'third-words'])
    assert.deepEqual(await filesWith(database, text), [])
  assert.notDeepEqual(await filesWith(database, 'open-words'), [], 'the search would find it')
  assert.notDeepEqual(await filesWith(database, 'k8s:enc:aesgcm:v1:key-'), [])
  await store.close()
  const again = await openLevelStore(ctx, database, { sealer: await sealerOf(keys) })
  assert.equal(await textOf(again, 'a'), 'second-words')
  const events = again.watch(SECRETS, 0)[Symbol.asyncIterator]()
  assert.equal(((await events.next()).value.entry.object as ReturnType<typeof secret>).stringData.value, 'first-words')
  await again.close()
  assert.equal((await stat(keys)).mode & 0o777, 0o600)
})

test('a database from before is read, and encrypted with all of its history when it is opened', async () => {
  const { database, keys } = await temporary()
  const before = await openLevelStore(ctx, database)
  await put(before, `${SECRETS}a`, secret('a', 'old-words'))
  await put(before, `${SECRETS}a`, secret('a', 'newer-words'))
  await put(before, `${SECRETS}b`, secret('b', 'gone-words'))
  await remove(before, `${SECRETS}b`)
  await before.close()
  const store = await openLevelStore(ctx, database, { sealer: await sealerOf(keys) })
  assert.equal(await textOf(store, 'a'), 'newer-words')
  for (const text of ['old-words', 'newer-words', 'gone-words']) assert.deepEqual(await filesWith(database, text), [])
  await store.close()
})

test('a rotation writes everything anew while the store is in use, and the old key can go', async () => {
  const { database, keys } = await temporary()
  const sealer = await sealerOf(keys)
  const store = await openLevelStore(ctx, database, { sealer })
  for (let i = 0; i < 20; i++) await put(store, `${SECRETS}s${i}`, secret(`s${i}`, `value ${i}`))
  const [oldName] = /key-[0-9a-f]{8}/.exec(await readFile(keys, 'utf8'))!
  const name = await addKey(keys)
  assert.equal(await keyCount(keys), 2)
  sealer.use(await rulesOf(keys))
  const writes = Array.from({ length: 20 }, (_, i) => put(store, `${SECRETS}s${i}`, secret(`s${i}`, `next ${i}`)))
  const [written] = await Promise.all([store.reseal(), store.reseal(), ...writes])
  assert.ok(written >= 20)
  assert.equal(await dropOlderKeys(keys, sealer), 1)
  assert.deepEqual(await filesWith(database, oldName), [])
  assert.notDeepEqual(await filesWith(database, name), [])
  await put(store, `${SECRETS}late`, secret('late', 'after'))
  await store.close()
  const again = await openLevelStore(ctx, database, { sealer: await sealerOf(keys) })
  assert.equal(await textOf(again, 's7'), 'next 7')
  assert.equal(await textOf(again, 'late'), 'after')
  await again.close()
})

test('a missing or a wrong key is an error that names the file, and nothing is changed', async () => {
  const { database, keys } = await temporary()
  const store = await openLevelStore(ctx, database, { sealer: await sealerOf(keys) })
  await put(store, `${SECRETS}a`, secret('a', 'kept'))
  await store.close()
  const good = await readFile(keys, 'utf8')
  const refused = (what: RegExp) =>
    assert.rejects(
      async () => openLevelStore(ctx, database, { sealer: await sealerOf(keys) }),
      (err) => err instanceof StoreUnusable && what.test(err.message) && err.message.includes(keys),
    )
  await rm(keys)
  await refused(/is missing in .*restore that file/)
  await assert.rejects(stat(keys), /ENOENT/, 'no other key was made in its place')
  const wrong = good.replace(/"secret": ".*"/, `"secret": "${Buffer.alloc(32, 'x').toString('base64')}"`)
  await writeFile(keys, wrong)
  await refused(/does not fit/)
  await writeFile(keys, 'nonsense')
  await refused(/is not JSON/)
  await writeFile(keys, good)
  const again = await openLevelStore(ctx, database, { sealer: await sealerOf(keys) })
  assert.equal(await textOf(again, 'a'), 'kept')
  await again.close()
})

test('all providers seal and open, and a value that was moved to another key does not open', () => {
  const plain = Buffer.from('{"kind":"Secret"}')
  for (const [name, bytes] of [
    ['aesgcm', 16],
    ['aesgcm', 32],
    ['aescbc', 24],
    ['aescbc', 32],
    ['secretbox', 32],
  ] as const) {
    const sealer = new KeyedSealer('keys', rules({ [name]: keys('k', bytes) }))
    const sealed = sealer.seal(`${SECRETS}a`, plain)
    assert.equal(Buffer.from(sealed).toString('latin1').startsWith(`k8s:enc:${name}:v1:k:`), true)
    assert.deepEqual(sealer.open(`${SECRETS}a`, sealed), { json: plain, stale: false })
    if (name === 'aesgcm') assert.throws(() => sealer.open(`${SECRETS}b`, sealed), StoreUnusable)
  }
})

test('resources are found by name, by group and by star; the first entry wins', () => {
  const sealedBy = (resources: string[], at: string) => {
    const sealer = new KeyedSealer('keys', rules({ aesgcm: keys('k') }, resources))
    return sealer.seal(at, Buffer.from('{}')).byteLength > 2
  }
  const [core, apps] = ['/registry/core/secrets/a/b', '/registry/apps/deployments/a/b']
  assert.deepEqual([sealedBy(['secrets'], core), sealedBy(['secrets'], apps)], [true, false])
  assert.deepEqual([sealedBy(['secrets.'], core), sealedBy(['deployments.apps'], apps)], [true, true])
  assert.deepEqual([sealedBy(['*.'], core), sealedBy(['*.'], apps)], [true, false])
  assert.deepEqual([sealedBy(['*.apps'], core), sealedBy(['*.apps'], apps)], [false, true])
  assert.deepEqual([sealedBy(['*.*'], core), sealedBy(['*.*'], apps)], [true, true])
})

test('a configuration that can not be used says which field is wrong, and never shows a key', () => {
  const config = (resources: unknown) => ({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources,
  })
  const one = (provider: unknown, names = ['secrets']) => config([{ resources: names, providers: [provider] }])
  const cases: [unknown, RegExp][] = [
    [{}, /must be an EncryptionConfiguration/],
    [config([]), /^resources: Required value: at least one resources/],
    [
      config([{ resources: [], providers: [] }]),
      /resources\[0\]\.resources: Required.*resources\[0\]\.providers: Required/,
    ],
    [one({ kms: { name: 'x' } }), /providers\[0\]: .*key management services are not supported/],
    [one({ rot13: {} }), /does not contain any of the expected providers/],
    [one({ aesgcm: keys('a'), aescbc: keys('a') }), /more than one provider/],
    [one({ aesgcm: { keys: [] } }), /aesgcm\.keys: Required/],
    [one({ aesgcm: { keys: [{ name: 'a', secret: 'c2hvcnQ=' }] } }), /got 5, expected one of \[16 24 32\]/],
    [one({ secretbox: keys('a', 16) }), /got 16, expected one of \[32\]/],
    [
      one({ aesgcm: { keys: [{ name: 'a:b', secret: 'not base64!' }] } }),
      /must not contain ':'.*must be base64 encoded/,
    ],
    [one({ identity: {} }, ['*']), /use '\*\.' to encrypt/],
    [one({ identity: {} }, ['secrets', '*.']), /overlapping/],
    [one({ identity: {} }, ['secrets', 'secrets']), /specified multiple times/],
  ]
  for (const [value, message] of cases) {
    assert.throws(
      () => parseEncryptionConfiguration(value),
      (err: Error) => {
        assert.match(err.message, message)
        return !err.message.includes('c2hvcnQ=') && !err.message.includes('not base64!')
      },
    )
  }
})
