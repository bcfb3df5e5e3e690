import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claimsOf, plan, usesClaim } from './storage-protection.ts'

const NAME = 'kubernetes.io/pvc-protection'
const claim = (metadata: object) => ({ metadata: { name: 'c', ...metadata } }) as never
const pod = (spec: object, status: object = {}) => ({ metadata: { name: 'p' }, spec, status }) as never
const volumes = [
  { name: 'data', persistentVolumeClaim: { claimName: 'c' } },
  { name: 'scratch', ephemeral: {} },
  { name: 'x', emptyDir: {} },
]

test('the finalizer is put on where it is missing, and taken off when a deleted claim is not used', () => {
  const deleted = { deletionTimestamp: '2026-01-01T00:00:00Z' }
  const table: [object, boolean, readonly string[] | undefined][] = [
    [{}, false, [NAME]],
    [{ finalizers: ['a', NAME] }, false, undefined],
    [{ finalizers: ['a', NAME], ...deleted }, true, undefined],
    [{ finalizers: ['a', NAME], ...deleted }, false, ['a']],
    [{ finalizers: ['a'], ...deleted }, false, undefined],
  ]
  for (const [metadata, used, next] of table)
    assert.deepEqual(
      plan(claim(metadata), NAME, () => used),
      next,
    )
})

test('pods use claims that they name, and those made for them, while they have a node and run', () => {
  assert.deepEqual(claimsOf(pod({ volumes })), ['c', 'p-scratch'])
  assert.equal(usesClaim(pod({ volumes, nodeName: 'n' }), 'c'), true)
  assert.equal(usesClaim(pod({ volumes }), 'c'), false)
  assert.equal(usesClaim(pod({ volumes, nodeName: 'n' }, { phase: 'Succeeded' }), 'c'), false)
})
