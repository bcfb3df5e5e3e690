import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { endLeftovers, inTurn, isMisconfigured, lastWords } from './cluster-process.ts'
import { EXIT_CONFIG, STARTING } from './component.ts'
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

test("a log's last words are those of the present run, each said once, whether logged or printed", () => {
  const file = join(dataDir, 'server.log')
  const entry = (level: number, msg: string, err?: string) =>
    JSON.stringify({ level, component: 'server', msg, ...(err ? { err: { message: err } } : {}) })
  const earlier = [entry(30, STARTING), 'skiff: no such file', entry(40, 'cannot follow the api')]
  writeFileSync(file, earlier.join('\n'))
  assert.equal(lastWords(file), 'no such file\ncannot follow the api')
  const now = [entry(30, STARTING), entry(30, 'listening'), entry(50, 'ended by an error', 'disk full'), 'Killed']
  writeFileSync(file, [...earlier, ...now].join('\n'))
  assert.equal(lastWords(file), 'ended by an error: disk full\nKilled')
  assert.equal(lastWords(join(dataDir, 'none.log')), '')
})

test('a component that ended by its configuration is told from one that will be tried again', () => {
  assert.equal(isMisconfigured(files, 'agent'), false)
  writeFileSync(files.failed('agent'), '1\n')
  assert.equal(isMisconfigured(files, 'agent'), false)
  writeFileSync(files.failed('agent'), `${EXIT_CONFIG}\n`)
  assert.equal(isMisconfigured(files, 'agent'), true)
})
