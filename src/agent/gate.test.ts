import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gate } from './gate.ts'

test('no more tasks run at once than there are places, in order of arrival', async () => {
  const gate = new Gate(2)
  const { signal } = new AbortController()
  const order: number[] = []
  let now = 0
  let most = 0
  await Promise.all(
    [1, 2, 3, 4, 5].map((n) =>
      gate.run(signal, async () => {
        order.push(n)
        most = Math.max(most, ++now)
        await new Promise((resolve) => setImmediate(resolve))
        now--
      }),
    ),
  )
  assert.deepEqual(order, [1, 2, 3, 4, 5])
  assert.equal(most, 2)
})

test('an aborted task leaves the line and a failing one frees its place', async () => {
  const gate = new Gate(1)
  const first = Promise.withResolvers<void>()
  const held = gate.run(new AbortController().signal, () => first.promise)
  const abort = new AbortController()
  const waiting = gate.run(abort.signal, async () => assert.fail('must not run'))
  abort.abort(new Error('enough'))
  await assert.rejects(waiting, /enough/)
  first.reject(new Error('broken'))
  await assert.rejects(held, /broken/)
  assert.equal(await gate.run(new AbortController().signal, async () => 7), 7)
})
