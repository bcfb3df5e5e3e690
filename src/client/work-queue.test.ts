import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../base/clock.ts'
import { WorkQueue } from './work-queue.ts'

test('a key added several times while it waits is taken once, in order of arrival', async () => {
  const queue = new WorkQueue(new FakeClock())
  for (const key of ['a', 'b', 'a', 'b', 'a']) queue.add(key)
  assert.equal(queue.depth, 2)
  assert.deepEqual([await queue.take(), await queue.take()], ['a', 'b'])
  assert.equal(queue.depth, 0)
})

test('a key added while it is being worked on comes again only when it is done', async () => {
  const queue = new WorkQueue(new FakeClock())
  queue.add('a')
  await queue.take()
  queue.add('a')
  assert.equal(queue.depth, 0)
  queue.done('a')
  assert.equal(await queue.take(), 'a')
})

test('who waits in take gets the next key, which then counts as being worked on', async () => {
  const queue = new WorkQueue(new FakeClock())
  const first = queue.take()
  queue.add('a')
  queue.add('a')
  assert.equal(await first, 'a')
  assert.equal(queue.depth, 0)
  queue.done('a')
  assert.equal(queue.depth, 1)
})

test('of two delays of a key the earlier counts', async () => {
  const clock = new FakeClock()
  const queue = new WorkQueue(clock)
  queue.addAfter('a', 1000)
  queue.addAfter('a', 100)
  queue.addAfter('a', 500)
  await clock.advance(99)
  assert.equal(queue.depth, 0)
  await clock.advance(1)
  assert.equal(await queue.take(), 'a')
  queue.done('a')
  assert.equal(clock.untilNextMs(), undefined)
})

test('failures double the delay from 5 ms to 1000 s until the key is forgotten', () => {
  const queue = new WorkQueue(new FakeClock())
  assert.deepEqual(
    [1, 2, 3, 4].map(() => queue.addFailed('a')),
    [5, 10, 20, 40],
  )
  for (let i = 0; i < 20; i++) queue.addFailed('a')
  assert.equal(queue.addFailed('a'), 1_000_000)
  assert.equal(queue.addFailed('b'), 5)
  queue.forget('a')
  assert.equal(queue.addFailed('a'), 5)
})

test('closing lets those who wait go, drops what waits and leaves no timer', async () => {
  const clock = new FakeClock()
  const queue = new WorkQueue(clock)
  const waiting = queue.take()
  queue.addAfter('b', 50)
  queue.close()
  queue.add('c')
  assert.equal(await waiting, undefined)
  assert.equal(await queue.take(), undefined)
  assert.equal(clock.untilNextMs(), undefined)
})

test('taking a key cancels what was planned for it', async () => {
  const clock = new FakeClock()
  const queue = new WorkQueue(clock)
  queue.addAfter('a', 1000)
  queue.add('a')
  await queue.take()
  assert.equal(clock.untilNextMs(), undefined)
})
