import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock, systemClock } from '../../base/clock.ts'
import { FakeRuntime } from './fake.ts'
import { containerConfig, runtimeSuite, sandboxConfig, script, testCtx } from './runtime-suite.ts'

runtimeSuite('fake', async () => {
  const runtime = new FakeRuntime({ clock: systemClock, images: ['busybox'] })
  return { runtime, images: runtime.images, image: 'busybox:latest', close: async () => {} }
})

test('processes run on the given clock', async () => {
  const clock = new FakeClock()
  const fake = new FakeRuntime({ clock, images: ['busybox'] })
  const sandbox = await fake.runPodSandbox(testCtx(), sandboxConfig('web'))
  const image = fake.images.find('busybox')!
  const id = await fake.createContainer(
    testCtx(),
    sandbox,
    containerConfig(image.id, 'main', script('sleep 30; exit 2')),
  )
  await fake.startContainer(testCtx(), id)
  await clock.advance(29_000)
  assert.equal((await fake.containerStatus(testCtx(), id)).state, 'Running')
  await clock.advance(1_000)
  assert.equal((await fake.containerStatus(testCtx(), id)).exitCode, 2)
})

test('a grace period that nobody heeds passes on the clock', async () => {
  const clock = new FakeClock()
  const fake = new FakeRuntime({ clock, images: ['busybox'] })
  const sandbox = await fake.runPodSandbox(testCtx(), sandboxConfig('web'))
  const config = containerConfig(fake.images.find('busybox')!.id, 'main', { command: ['sleep', '3600'] })
  const id = await fake.createContainer(testCtx(), sandbox, config)
  await fake.startContainer(testCtx(), id)
  const stopped = fake.stopContainer(testCtx(), id, 30_000)
  await clock.advance(30_000)
  await stopped
  assert.equal((await fake.containerStatus(testCtx(), id)).exitCode, 137)
})

test('in an outage every call and every event stream fails as Unavailable, and containers run on', async () => {
  const fake = new FakeRuntime({ clock: systemClock, images: ['busybox'] })
  const connected = Promise.withResolvers<void>()
  const reading = (async () => {
    for await (const _event of fake.events(testCtx(), connected.resolve));
  })()
  await connected.promise
  fake.outage()
  await assert.rejects(reading, { code: 'Unavailable' })
  await assert.rejects(fake.listContainers(testCtx()), { code: 'Unavailable' })
  await assert.rejects(fake.images.pullImage(testCtx(), 'x', []), { code: 'Unavailable' })
  fake.recover()
  assert.deepEqual(await fake.listContainers(testCtx()), [])
})

test('a pull fails with the words it was given until it works again', async () => {
  const fake = new FakeRuntime({ clock: systemClock })
  fake.images.failPull('nginx:1.99', 'manifest for nginx:1.99 not found')
  await assert.rejects(fake.images.pullImage(testCtx(), 'docker.io/library/nginx:1.99', []), {
    code: 'ImagePull',
    message: 'manifest for nginx:1.99 not found',
  })
  fake.images.failPull('nginx:1.99', undefined)
  assert.deepEqual((await fake.images.pullImage(testCtx(), 'nginx:1.99', [])).tags, ['nginx:1.99'])
})

test('a crash for lack of memory is told as such', async () => {
  const fake = new FakeRuntime({ clock: systemClock, images: ['busybox'] })
  const sandbox = await fake.runPodSandbox(testCtx(), sandboxConfig('web'))
  const config = containerConfig(fake.images.find('busybox')!.id, 'main', { command: undefined })
  const id = await fake.createContainer(testCtx(), sandbox, config)
  await fake.startContainer(testCtx(), id)
  fake.crash(id, 137, 'OOMKilled')
  const status = await fake.containerStatus(testCtx(), id)
  assert.deepEqual([status.state, status.exitCode, status.reason], ['Exited', 137, 'OOMKilled'])
})
