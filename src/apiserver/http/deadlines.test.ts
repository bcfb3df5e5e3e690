import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../base/clock.ts'
import { Deadlines } from './deadlines.ts'

test('each wait ends at its own time, in the order in which they began', async () => {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock, 1000)
  const late: string[] = []
  const wait = (name: string) => {
    const deadline = { late: () => void late.push(name) }
    deadlines.start(deadline)
    return deadline
  }
  wait('a')
  await clock.advance(400)
  const b = wait('b')
  wait('c')
  await clock.advance(599)
  assert.deepEqual(late, [])
  await clock.advance(1)
  assert.deepEqual(late, ['a'])
  deadlines.stop(b)
  await clock.advance(400)
  assert.deepEqual(late, ['a', 'c'])
  assert.equal(clock.untilNextMs(), undefined)
})

test('a wait that starts anew has its whole time again', async () => {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock, 1000)
  let late = 0
  const deadline = { late: () => void late++ }
  deadlines.start(deadline)
  await clock.advance(900)
  deadlines.start(deadline)
  await clock.advance(900)
  assert.equal(late, 0)
  await clock.advance(100)
  assert.equal(late, 1)
})

test('thousands of short waits arm one timer', async () => {
  let armed = 0
  const clock = new FakeClock()
  const counting = {
    now: () => clock.now(),
    after: (ms: number, callback: () => void) => {
      armed++
      return clock.after(ms, callback)
    },
  }
  const deadlines = new Deadlines(counting, 1000)
  for (let i = 0; i < 5000; i++) {
    const deadline = { late: () => assert.fail('was stopped') }
    deadlines.start(deadline)
    deadlines.stop(deadline)
  }
  await clock.advance(2000)
  assert.equal(armed, 1)
})
