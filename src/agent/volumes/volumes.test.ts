// Mount points need root; without it those tests are skipped.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { silentLogger } from '../../base/log.ts'
import { hostPathVolume } from './host-path.ts'
import { mountsBelow, mountTmpfs, parseMountInfo } from './mounts.ts'
import { ownByGroup } from './ownership.ts'
import type { VolumeContext } from './plugin.ts'
import { prepareSubPath } from './sub-path.ts'
import { unmountAll, VolumeStore } from './volume-store.ts'

const ctx = { signal: new AbortController().signal, log: silentLogger }
const isRoot = process.getuid?.() === 0
const dirs: string[] = []
const fresh = () => {
  const dir = mkdtempSync(join(tmpdir(), 'skiff-volumes-'))
  dirs.push(dir)
  return dir
}
afterEach(async () => {
  for (const dir of dirs.splice(0)) {
    await unmountAll(ctx, dir)
    rmSync(dir, { recursive: true, force: true })
  }
})

test('mount points are read from the kernel table, escapes undone', () => {
  const table = '36 35 98:0 /a /mnt/with\\040space rw - ext3 x rw\n37 35 98:0 / /proc rw - proc proc rw\n'
  assert.deepEqual(parseMountInfo(table), ['/mnt/with space', '/proc'])
})

test('a subPath that leads out of its volume is refused, links inside are followed', async () => {
  const dir = fresh()
  const volume = join(dir, 'pods', 'v')
  mkdirSync(join(volume, 'real'), { recursive: true })
  writeFileSync(join(volume, 'real', 'file'), 'x')
  symlinkSync('real', join(volume, 'inside'))
  symlinkSync('/etc', join(volume, 'outside'))
  const target = join(dir, 'pods', 'target')
  const prepare = (path: string) => prepareSubPath(ctx, volume, path, target, false)
  assert.equal(await prepare('inside'), join(volume, 'real'))
  assert.equal(await prepare('made/new'), join(volume, 'made/new'))
  assert.ok(statSync(join(volume, 'made/new')).isDirectory())
  for (const bad of ['outside', 'outside/passwd', 'outside/new-dir', '../x', '/etc'])
    await assert.rejects(prepare(bad), /leads out of|must be a relative path/, bad)
})

test('a subPath is pinned by a bind mount, and everything of a pod is unmounted and removed', {
  skip: !isRoot,
}, async () => {
  const dir = fresh()
  const store = new VolumeStore(dir)
  const podDir = await store.makePodDir('u1')
  const volume = join(podDir, 'volumes', 'v')
  mkdirSync(volume, { recursive: true })
  writeFileSync(join(volume, 'file'), 'pinned')
  const target = join(podDir, 'volume-subpaths', '0')
  assert.equal(await prepareSubPath(ctx, volume, 'file', target, true), target)
  rmSync(join(volume, 'file'))
  symlinkSync('/etc/passwd', join(volume, 'file'))
  assert.equal(readFileSync(target, 'utf8'), 'pinned')
  const scratch = join(podDir, 'scratch')
  mkdirSync(scratch)
  await mountTmpfs(ctx, scratch, 1 << 20)
  await mountTmpfs(ctx, scratch, 1 << 20)
  assert.equal((await mountsBelow(podDir)).length, 2)
  await store.removePod(ctx, 'u1')
  assert.deepEqual(await mountsBelow(podDir), [])
  assert.throws(() => statSync(podDir))
  await store.removePod(ctx, 'u1')
})

test('secrets are kept in memory', { skip: !isRoot }, async () => {
  const dir = fresh()
  const store = new VolumeStore(dir)
  const [a, b] = await Promise.all([store.memoryVolumeDir(ctx, 'u1', 'a'), store.memoryVolumeDir(ctx, 'u2', 'b')])
  assert.deepEqual(await mountsBelow(dir), [join(dir, 'memory')])
  assert.deepEqual([a, b], [join(dir, 'memory/u1/a'), join(dir, 'memory/u2/b')])
  assert.deepEqual((await store.podUids()).sort(), ['u1', 'u2'])
  await store.removePod(ctx, 'u1')
  assert.deepEqual(await store.podUids(), ['u2'])
})

test('a uid or name that is a path is refused', () => {
  assert.throws(() => new VolumeStore('/nowhere').podDir('../x'), /cannot be a directory name/)
})

test('hostPath checks what it was told to expect', async () => {
  const dir = fresh()
  writeFileSync(join(dir, 'file'), '')
  const setUp = (path: string, type?: string) =>
    hostPathVolume.setUp(ctx, { name: 'v', hostPath: { path: join(dir, path), type } } as never, {} as VolumeContext)
  assert.equal(await setUp('nothing'), join(dir, 'nothing'))
  assert.equal(await setUp('file', 'File'), join(dir, 'file'))
  await assert.rejects(setUp('file', 'Directory'), {
    message: `hostPath type check failed: ${dir}/file is not a directory`,
  })
  await assert.rejects(setUp('nothing', 'Socket'), /is not a socket file/)
  await setUp('made/deep', 'DirectoryOrCreate')
  assert.ok(statSync(join(dir, 'made/deep')).isDirectory())
})

test('fsGroup owns everything below, and new files inherit it', { skip: !isRoot }, async () => {
  const dir = fresh()
  mkdirSync(join(dir, 'sub'), { mode: 0o700 })
  writeFileSync(join(dir, 'sub', 'file'), '', { mode: 0o600 })
  await ownByGroup(dir, 4321)
  const sub = statSync(join(dir, 'sub'))
  assert.deepEqual([sub.gid, sub.mode & 0o7777], [4321, 0o2770])
  const file = statSync(join(dir, 'sub', 'file'))
  assert.deepEqual([file.gid, file.mode & 0o777], [4321, 0o660])
})
