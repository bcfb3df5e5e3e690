// The keys as the server process handles them: SIGHUP rotates, a configuration of the operator's keeps the cluster's own readable.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { KubeObject } from '../api/meta/object.ts'
import { addKey, keyCount } from '../apiserver/storage/encryption/key-file.ts'
import { openLevelStore } from '../apiserver/storage/leveldb.ts'
import { silentLogger as log } from '../base/log.ts'
import { CliError, parseFlags, resolveConfig } from './config.ts'
import { openSealer, renewWhenTold } from './encryption.ts'
import { paths } from './paths.ts'

const directory = await mkdtemp(join(tmpdir(), 'skiff-keys-'))
after(() => rm(directory, { recursive: true }))
const files = paths(directory)
const ctx = { signal: new AbortController().signal, log }
const configured = (...flags: string[]) =>
  resolveConfig(parseFlags([`--data-dir=${directory}`, '--node-name=n', '--docker-host=unix:///d', ...flags]), {})
const KEY = '/registry/core/secrets/default/a'
const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, data: {} } as unknown as KubeObject

test('SIGHUP takes the new key into use and removes the old one; other keys of the operator’s read both', async () => {
  const config = configured()
  const sealer = await openSealer(config, files)
  const store = await openLevelStore(ctx, files.database, { sealer })
  const renewal = renewWhenTold(ctx, config, files, { store, sealer })
  await store.write({ key: KEY, expect: 0, object: secret })
  const name = await addKey(files.encryptionKeys)
  process.emit('SIGHUP')
  await renewal.stop()
  assert.equal(await keyCount(files.encryptionKeys), 1)
  assert.match(await readFile(files.encryptionKeys, 'utf8'), new RegExp(name))
  await store.close()

  const path = join(directory, 'own.yaml')
  const key = Buffer.alloc(32, 'k').toString('base64')
  const text = `apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - secretbox: {keys: [{name: mine, secret: ${key}}]}
`
  await writeFile(path, text)
  const own = configured(`--encryption-provider-config=${path}`)
  const again = await openLevelStore(ctx, files.database, { sealer: await openSealer(own, files) })
  assert.equal((await again.get(KEY))?.object.metadata.name, 'a')
  await again.close()
})

test('a configuration that can not be used is named, and its keys are not shown', async () => {
  const path = join(directory, 'bad.yaml')
  const config = configured(`--encryption-provider-config=${path}`)
  const refused = (what: RegExp) =>
    assert.rejects(openSealer(config, files), (err) => {
      assert.ok(err instanceof CliError)
      assert.match(err.message, what)
      assert.ok(err.message.includes(path) && !err.message.includes('c2VjcmV0'))
      return true
    })
  await refused(/there is no such file/)
  await writeFile(path, 'secret: [c2VjcmV0')
  await refused(/it is not YAML/)
  await writeFile(path, 'kind: Other\nsecret: c2VjcmV0')
  await refused(/must be an EncryptionConfiguration/)
})
