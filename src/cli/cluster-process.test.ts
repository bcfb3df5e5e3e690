import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { endLeftovers, inTurn } from './cluster-process.ts'
import { paths } from './paths.ts'

// Its name is in the command line of what the tests start, as a cluster's is in its processes'.
const dataDir = mkdtempSync(join(tmpdir(), 'skiff-cluster-process-'))
const files = paths(dataDir)
mkdirSync(files.run)
after(() => rmSync(dataDir, { recursive: true }))

/** A process of this cluster that waits until it is told to end. */
function process(): { pid: number; ended: Promise<unknown> } {
  const child = spawn(globalThis.process.execPath, ['-e', 'setInterval(() => {}, 1e9)', dataDir], { stdio: 'ignore' })
  return { pid: child.pid!, ended: new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal))) }
}

test('of two that want to start a cluster, one waits for the other', async () => {
  const order: string[] = []
  const first = Promise.withResolvers<void>()
  const holder = process()
  writeFileSync(files.startLock, `${holder.pid}\n`)
  const waiting = inTurn(files, async () => order.push('second'))
  setImmediate(() => {
    order.push('first')
    rmSync(files.startLock)
    first.resolve()
  })
  await first.promise
  await waiting
  assert.deepEqual(order, ['first', 'second'])
  assert.ok(!existsSync(files.startLock))
  globalThis.process.kill(holder.pid)
  await holder.ended
})

test('a lock whose holder was killed holds nobody back', async () => {
  writeFileSync(files.startLock, '999999999\n')
  assert.equal(await inTurn(files, async () => 'mine'), 'mine')
  assert.ok(!existsSync(files.startLock))
})

test('what fails in its turn lets the next one in', async () => {
  await assert.rejects(
    inTurn(files, () => Promise.reject(new Error('no'))),
    /no/,
  )
  assert.equal(await inTurn(files, async () => 1), 1)
})

test('what a killed supervisor left behind is told to end, and its files are removed', async () => {
  const left = process()
  writeFileSync(files.pid('server'), `${left.pid}\n`)
  writeFileSync(files.ready('server'), '')
  // The keeper that is left removes the file when its child has ended.
  void left.ended.then(() => rmSync(files.pid('server'), { force: true }))
  await endLeftovers(files)
  assert.equal(await left.ended, 'SIGTERM')
  assert.ok(!existsSync(files.ready('server')))
})
