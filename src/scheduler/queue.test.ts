import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../base/clock.ts'
import type { Plugin } from './framework.ts'
import { nodeResourcesFit } from './plugins/node-resources-fit.ts'
import { taintToleration } from './plugins/taint-toleration.ts'
import { SchedulingQueue } from './queue.ts'
import { makeNode, makePod } from './test-cluster.ts'

function makeQueue() {
  const clock = new FakeClock()
  const woken = { times: 0 }
  const queue = new SchedulingQueue(clock, () => {
    woken.times++
  })
  const popName = () => queue.pop()?.pod.metadata.name
  return { clock, queue, woken, popName }
}
/** Something else that waits, so that the queue isn't idle and back-offs are sat out. */
const fail = (queue: SchedulingQueue) => queue.retry(queue.pop()!)
const refuse = (queue: SchedulingQueue, ...by: Plugin[]) => queue.reject(queue.pop()!, by)

test('pods come by priority, then in the order of their arrival', async () => {
  const { clock, queue, popName } = makeQueue()
  queue.upsert(makePod('first'))
  queue.upsert(makePod('same-instant'))
  await clock.advance(5)
  queue.upsert(makePod('later'))
  queue.upsert(makePod('urgent', { priority: 10 }))
  assert.deepEqual(
    [popName(), popName(), popName(), popName(), popName()],
    ['urgent', 'first', 'same-instant', 'later', undefined],
  )
})

test('after errors a pod backs off for 1 s, then twice as long each time, 10 s at most', async () => {
  const { clock, queue } = makeQueue()
  queue.upsert(makePod('web'))
  for (const seconds of [1, 2, 4, 8, 10, 10]) {
    fail(queue)
    await clock.advance(seconds * 1000 - 1)
    assert.equal(queue.pop(), undefined, `still backing off before ${seconds} s`)
    await clock.advance(1)
    assert.equal(queue.counts.active, 1, `ready after ${seconds} s`)
  }
})

test('an event moves only the pods whose rejection it may lift', () => {
  const { queue, woken } = makeQueue()
  queue.upsert(makePod('large', { cpu: '8' }))
  refuse(queue, nodeResourcesFit)
  queue.upsert(makePod('small', { cpu: '2' }))
  refuse(queue, nodeResourcesFit)
  queue.upsert(makePod('tainted'))
  refuse(queue, taintToleration)
  const before = woken.times
  queue.moved({
    resource: 'node',
    type: 'added',
    object: makeNode('a', { cpu: '4', taints: [{ key: 'k', effect: 'NoSchedule' }] }),
  })
  assert.equal(woken.times, before + 1)
  assert.equal(queue.pop()?.pod.metadata.name, 'small')
  assert.deepEqual(queue.counts, { active: 0, backoff: 0, unschedulable: 2, gated: 0 })
})

test('a pod that nobody rejected (there were no nodes) is moved by whatever happens, at once', () => {
  const { queue, popName } = makeQueue()
  queue.upsert(makePod('web'))
  refuse(queue)
  assert.equal(popName(), undefined)
  queue.moved({ resource: 'node', type: 'added', object: makeNode('a') })
  assert.equal(popName(), 'web')
})

test('with nothing else to do a moved pod need not sit out its back-off, the most important first', () => {
  const { queue, popName } = makeQueue()
  for (const [name, priority] of [
    ['low', 0],
    ['high', 5],
  ] as const) {
    queue.upsert(makePod(name, { cpu: '1', priority }))
    refuse(queue, nodeResourcesFit)
  }
  queue.upsert(makePod('fresh'))
  queue.moved({ resource: 'node', type: 'added', object: makeNode('a') })
  assert.equal(queue.counts.backoff, 2)
  assert.deepEqual([popName(), popName(), popName()], ['fresh', 'high', 'low'])
})

test('an unschedulable pod is looked at again after five minutes, and no timer runs otherwise', async () => {
  const { clock, queue, popName } = makeQueue()
  assert.equal(clock.untilNextMs(), undefined)
  queue.upsert(makePod('web'))
  assert.equal(clock.untilNextMs(), undefined)
  refuse(queue, taintToleration)
  assert.equal(clock.untilNextMs(), 300_000)
  await clock.advance(299_999)
  assert.equal(popName(), undefined)
  await clock.advance(1)
  assert.equal(popName(), 'web')
})

test('a gated pod waits outside until its gates are gone', () => {
  const { queue, popName } = makeQueue()
  const pod = makePod('web')
  queue.upsert({ ...pod, spec: { ...pod.spec, schedulingGates: [{ name: 'example.com/quota' }] } })
  assert.deepEqual([popName(), queue.counts.gated], [undefined, 1])
  queue.upsert(pod)
  assert.deepEqual([popName(), queue.counts.gated], ['web', 0])
})

test('a status change does not move an unschedulable pod, a change of its spec does', () => {
  const { queue, popName } = makeQueue()
  const pod = makePod('web')
  queue.upsert(pod)
  refuse(queue, taintToleration)
  queue.upsert({ ...pod, status: { phase: 'Pending' } }, false)
  assert.equal(popName(), undefined)
  queue.upsert({ ...pod, spec: { ...pod.spec, tolerations: [{ operator: 'Exists' }] } }, true)
  assert.equal(queue.pop()?.pod.spec.tolerations?.length, 1)
})

test('a pod that was deleted while it was being decided does not come back', async () => {
  const { clock, queue } = makeQueue()
  queue.upsert(makePod('web'))
  const taken = queue.pop()!
  queue.delete(taken.pod.metadata.uid)
  queue.retry(taken)
  await clock.advance(20_000)
  assert.equal(queue.pop(), undefined)
})

test('thousands of pods leave the queue in order whatever is taken out of its middle', () => {
  const { queue } = makeQueue()
  let seed = 7
  const random = () => {
    seed = (seed * 48271) % 2147483647
    return seed
  }
  for (let i = 0; i < 2000; i++) queue.upsert(makePod(`p${i}`, { priority: random() % 50 }))
  for (let i = 0; i < 2000; i += 3) queue.delete(`uid-p${i}`)
  const priorities: number[] = []
  for (let next = queue.pop(); next; next = queue.pop()) priorities.push(next.pod.spec.priority ?? 0)
  assert.equal(priorities.length, 1333)
  assert.deepEqual(
    priorities,
    [...priorities].sort((a, b) => b - a),
  )
})
