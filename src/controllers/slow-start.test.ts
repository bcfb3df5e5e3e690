import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slowStart } from './slow-start.ts'

test('batches double while all goes well', async () => {
  const batches: number[] = []
  let running = 0
  const outcome = await slowStart(10, async () => {
    running++
    await Promise.resolve()
    if (running > 0) batches.push(running)
    running = 0
  })
  assert.deepEqual(outcome, { done: 10 })
  assert.deepEqual(batches, [1, 2, 4, 3])
})

test('the first batch with a failure is the last', async () => {
  let calls = 0
  const outcome = await slowStart(100, async (index) => {
    calls++
    if (index === 4) throw new Error('quota')
  })
  assert.equal(calls, 7)
  assert.equal(outcome.done, 6)
  assert.match(String(outcome.err), /quota/)
  assert.deepEqual(await slowStart(0, async () => {}), { done: 0 })
})
