import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { systemClock } from './clock.ts'
import { silentLogger } from './log.ts'
import { ensurePki, rotateTokenKey } from './pki.ts'

const directory = await mkdtemp(join(tmpdir(), 'skiff-rotation-'))
after(() => rm(directory, { recursive: true, force: true }))

it('a rotated token key signs, those before it go on verifying, and a running server can take them over', async () => {
  const ctx = { signal: new AbortController().signal, log: silentLogger }
  const options = { addresses: [], dnsNames: [], clock: systemClock }
  await assert.rejects(rotateTokenKey(directory), /there is no key to rotate/)
  const pki = await ensurePki(ctx, directory, options)
  const first = pki.tokenKeys
  assert.deepEqual(first.retired, [])
  assert.equal(await rotateTokenKey(directory), join(directory, 'sa-1.pub'))
  assert.equal(await rotateTokenKey(directory), join(directory, 'sa-2.pub'))
  assert.equal(pki.tokenKeys, first, 'not before it is told')
  await pki.reloadTokenKeys()
  assert.notEqual(pki.tokenKeys.signing, first.signing)
  assert.equal(pki.tokenKeys.retired.length, 2)
  assert.deepEqual((await ensurePki(ctx, directory, options)).tokenKeys, pki.tokenKeys, 'a restart finds the same')
})
