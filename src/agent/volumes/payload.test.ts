import assert from 'node:assert/strict'
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Payload, writePayload } from './payload.ts'

const dirs: string[] = []
const fresh = () => {
  const dir = mkdtempSync(join(tmpdir(), 'skiff-payload-'))
  dirs.push(dir)
  return join(dir, 'volume')
}
after(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true })
})
const payload = (files: Record<string, string>, mode = 0o644): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode }]))

test('files appear through the ..data link, nested paths too', async () => {
  const dir = fresh()
  assert.equal(await writePayload(dir, payload({ a: '1', 'sub/b': '2' }, 0o400), undefined), true)
  assert.equal(readFileSync(join(dir, 'a'), 'utf8'), '1')
  assert.equal(readFileSync(join(dir, 'sub/b'), 'utf8'), '2')
  assert.equal(readlinkSync(join(dir, 'a')), '..data/a')
  assert.equal(lstatSync(join(dir, '..data')).isSymbolicLink(), true)
  assert.equal(statSync(join(dir, 'a')).mode & 0o777, 0o400)
})

test('an update replaces all files at once and removes what is gone; the same content is not written again', async () => {
  const dir = fresh()
  await writePayload(dir, payload({ a: '1', b: '2', 'sub/c': '3' }), undefined)
  const before = readlinkSync(join(dir, '..data'))
  assert.equal(await writePayload(dir, payload({ a: '1', b: '2', 'sub/c': '3' }), undefined), false)
  assert.equal(readlinkSync(join(dir, '..data')), before)
  assert.equal(await writePayload(dir, payload({ a: 'new' }), undefined), true)
  assert.deepEqual(
    readdirSync(dir).filter((n) => !n.startsWith('..')),
    ['a'],
  )
  assert.equal(readdirSync(dir).filter((n) => /^\.\.\d/.test(n)).length, 1)
  assert.equal(readFileSync(join(dir, 'a'), 'utf8'), 'new')
})

test('an empty payload is an empty directory, and later gets its files', async () => {
  const dir = fresh()
  await writePayload(dir, payload({}), undefined)
  assert.deepEqual(
    readdirSync(dir).filter((n) => !n.startsWith('..')),
    [],
  )
  await writePayload(dir, payload({ late: 'x' }), undefined)
  assert.equal(readFileSync(join(dir, 'late'), 'utf8'), 'x')
})

test('an fsGroup makes files readable by the group', async () => {
  const dir = fresh()
  await writePayload(dir, payload({ a: '1' }, 0o400), process.getgid?.())
  assert.equal(statSync(join(dir, 'a')).mode & 0o777, 0o440)
})

test('a path that leaves the volume is refused', async () => {
  for (const path of ['../x', '/etc/x', 'a/../../x', '..data'])
    await assert.rejects(writePayload(fresh(), payload({ [path]: 'x' }), undefined), /invalid path/)
})
