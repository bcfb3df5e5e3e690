import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cronProblem, isTimeZone } from './cron-schedule.ts'
import { Lease } from './lease.ts'
import { Namespace } from './namespace.ts'
import { Node } from './node.ts'

const renewed = (spec: object) => ({ metadata: { name: 'l', resourceVersion: '1' }, spec }) as unknown as Lease

test('only a renewal of a lease may be lost', () => {
  const old = renewed({ holderIdentity: 'a', renewTime: '2026-01-01T00:00:00.000000Z' })
  const later = renewed({ holderIdentity: 'a', renewTime: '2026-01-01T00:00:10.000000Z' })
  assert.equal(Lease.volatile?.(later, old), true)
  assert.equal(Lease.volatile?.(renewed({ holderIdentity: 'b' }), old), false)
  assert.equal(Lease.volatile?.(later, undefined), false)
})

test('only a heartbeat of a node may be lost', () => {
  const node = (lastHeartbeatTime: string, status = 'True', spec = {}) =>
    ({
      metadata: { name: 'n' },
      spec,
      status: { conditions: [{ type: 'Ready', status, lastHeartbeatTime }] },
    }) as unknown as Node
  const old = node('2026-01-01T00:00:00Z')
  assert.equal(Node.volatile?.(node('2026-01-01T00:05:00Z'), old), true)
  assert.equal(Node.volatile?.(node('2026-01-01T00:05:00Z', 'False'), old), false)
  assert.equal(Node.volatile?.(node('2026-01-01T00:05:00Z', 'True', { unschedulable: true }), old), false)
})

test('a namespace is labelled with its name, and only emptied namespaces go', () => {
  const blue = { metadata: { name: 'blue' } } as unknown as Namespace
  Namespace.default?.(blue)
  Namespace.prepareForCreate?.(blue)
  assert.deepEqual(blue.metadata.labels, { 'kubernetes.io/metadata.name': 'blue' })
  assert.deepEqual(blue.spec, { finalizers: ['kubernetes'] })
  const changed = { ...structuredClone(blue), spec: {} }
  Namespace.prepareForUpdate?.(changed, blue)
  assert.deepEqual(changed.spec, { finalizers: ['kubernetes'] })
})

test('schedules are five fields, or a name', () => {
  for (const good of ['* * * * *', '*/5 0,12 1-15 jan-mar sun', '@daily', '@every 1h30m', '0 0 ? * 1/2']) {
    assert.equal(cronProblem(good), undefined, good)
  }
  for (const bad of [
    '',
    '* * * *',
    '60 * * * *',
    '* * 0 * *',
    '* * * * 7',
    '*/0 * * * *',
    '5-1 * * * *',
    '@never',
    'x * * * *',
  ]) {
    assert.notEqual(cronProblem(bad), undefined, bad)
  }
  assert.equal(isTimeZone('Etc/UTC'), true)
  assert.equal(isTimeZone('Local'), false)
})
