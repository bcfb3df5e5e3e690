import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../types/core.v1.ts'
import { isPodAvailable, isPodReady, podLimits, podRequests, podTemplateHash, qosClass } from './pods.ts'

const pod = (spec: object, status: object = {}) => ({ metadata: { name: 'p' }, spec, status }) as unknown as Pod
const asks = (cpu: string, extra: object = {}) => ({ resources: { requests: { cpu } }, ...extra })

test('requests are the greater of running and starting, sidecars in both', () => {
  assert.deepEqual(podRequests(pod({ containers: [asks('100m'), asks('200m')] })), { cpu: '300m' })
  assert.deepEqual(podRequests(pod({ containers: [asks('100m')], initContainers: [asks('1')] })), { cpu: '1' })
  const sidecar = asks('500m', { restartPolicy: 'Always' })
  assert.deepEqual(podRequests(pod({ containers: [asks('100m')], initContainers: [sidecar, asks('1')] })), {
    cpu: '1500m',
  })
  assert.deepEqual(podRequests(pod({ containers: [asks('1')], overhead: { cpu: '1', memory: '1Mi' } })), {
    cpu: '2',
    memory: '1Mi',
  })
  assert.deepEqual(podLimits(pod({ containers: [{}], overhead: { cpu: '1' } })), {})
})

test('the quality of service follows from requests and limits', () => {
  const same = { cpu: '1', memory: '1Gi' }
  assert.equal(qosClass(pod({ containers: [{}] })), 'BestEffort')
  assert.equal(qosClass(pod({ containers: [asks('1')] })), 'Burstable')
  assert.equal(qosClass(pod({ containers: [{ resources: { limits: same, requests: same } }] })), 'Guaranteed')
  assert.equal(
    qosClass(pod({ containers: [{ resources: { limits: same, requests: { cpu: '1000m', memory: '1024Mi' } } }] })),
    'Guaranteed',
  )
  assert.equal(qosClass(pod({ containers: [{ resources: { limits: same } }, {}] })), 'Burstable')
})

test('the hash of a template ignores the order of keys and changes with the collision count', () => {
  const template = { metadata: { labels: { a: '1', b: '2' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  const other = {
    spec: { containers: [{ image: 'i', name: 'c', args: [] }] },
    metadata: { labels: { b: '2', a: '1' } },
  }
  assert.equal(podTemplateHash(template), podTemplateHash(other))
  assert.notEqual(podTemplateHash(template), podTemplateHash(template, 1))
  assert.match(podTemplateHash(template), /^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/)
})

test('ready is a condition, available is ready for long enough', () => {
  const ready = pod({}, { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] })
  const now = Date.UTC(2026, 0, 1, 0, 0, 10)
  assert.equal(isPodReady(ready), true)
  assert.equal(isPodAvailable(ready, 10, now), true)
  assert.equal(isPodAvailable(ready, 11, now), false)
})
