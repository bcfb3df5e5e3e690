import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PersistentVolumeClaim } from '../types/core.v1.ts'
import { validateClaimStatus, validateClaimUpdate } from './claim-validation.ts'
import { PersistentVolumeClaim as Kind } from './persistent-volume-claim.ts'

const BETA = 'volume.beta.kubernetes.io/storage-class'
interface Parts {
  storage?: string
  spec?: object
  annotations?: Record<string, string>
  phase?: string
}
const claim = ({ storage = '3Gi', spec, annotations = {}, phase = 'Bound' }: Parts = {}) =>
  ({
    metadata: { name: 'c', namespace: 'default', annotations },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, volumeName: 'disk', ...spec },
    status: { phase, capacity: { storage: '2Gi' } },
  }) as unknown as PersistentVolumeClaim

describe('an update of a claim', () => {
  const table: [what: string, from: Parts, to: Parts, fields: string[]][] = [
    ['grows', {}, { storage: '5Gi' }, []],
    ['takes a size back that could not be had', {}, { storage: '2500Mi' }, []],
    ['shrinks to what there is', {}, { storage: '2Gi' }, ['spec.resources.requests.storage']],
    ['grows before it is bound', { phase: 'Pending' }, { phase: 'Pending', storage: '5Gi' }, ['spec']],
    ['names a class late', {}, { spec: { storageClassName: 'a' } }, []],
    ['names another class', { spec: { storageClassName: 'b' } }, { spec: { storageClassName: 'a' } }, ['spec']],
    [
      'moves its class out of the annotation',
      { annotations: { [BETA]: 'a' } },
      { spec: { storageClassName: 'a' } },
      [],
    ],
    [
      'moves another class out of the annotation',
      { annotations: { [BETA]: 'a' } },
      { spec: { storageClassName: 'b' } },
      [`metadata.annotations.${BETA}`, 'spec'],
    ],
    ['takes other attributes', {}, { spec: { volumeAttributesClassName: 'gold' } }, []],
    [
      'takes other attributes before it is bound',
      { phase: 'Pending' },
      { phase: 'Pending', spec: { volumeAttributesClassName: 'gold' } },
      ['spec'],
    ],
  ]
  for (const [what, from, to, fields] of table) {
    test(what, () => {
      const errors = validateClaimUpdate(claim(to), claim(from))
      assert.deepEqual(
        errors.map(({ field }) => field),
        fields,
      )
    })
  }

  test('is told what changed', () => {
    const [error] = validateClaimUpdate(claim({ spec: { volumeName: 'other' } }), claim())
    assert.match(error?.message ?? '', /for bound claims\n- spec\.volumeName: "disk"\n\+ spec\.volumeName: "other"$/)
  })
})

test('the status of a claim holds no negative amounts', () => {
  const obj = claim()
  obj.status = { capacity: { storage: '-1' }, allocatedResources: { storage: '1Gi' } }
  assert.deepEqual(
    validateClaimStatus(obj).map(({ field, message }) => `${field}: ${message}`),
    ['status.capacity[storage]: Invalid value: -1: must be a valid resource quantity'],
  )
})

describe('what a claim is filled from', () => {
  const snapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's' }
  const other = { apiGroup: 'example.com', kind: 'Thing', name: 's' }
  const table: [what: string, given: object, kept: object][] = [
    ['is said by both fields', { dataSource: snapshot }, { dataSource: snapshot, dataSourceRef: snapshot }],
    ['is said by the older field, too', { dataSourceRef: other }, { dataSource: other, dataSourceRef: other }],
    ['is nothing that the older field may not name', { dataSource: other }, {}],
    ['stands in no other namespace', { dataSourceRef: { ...snapshot, namespace: 'n' } }, {}],
  ]
  for (const [what, given, kept] of table) {
    test(what, () => {
      const obj = claim({ spec: given })
      Kind.prepareForCreate?.(obj)
      const { dataSource, dataSourceRef } = obj.spec
      assert.deepEqual(JSON.parse(JSON.stringify({ dataSource, dataSourceRef })), kept)
    })
  }
})
