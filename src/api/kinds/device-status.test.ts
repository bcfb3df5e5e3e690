// What the status of a claim for devices may say.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claimStatusErrors } from './device-status.ts'
import type { ResourceClaim } from './resource-claim.ts'

const claim = (status: object, metadata: object = {}) =>
  ({
    metadata: { name: 'a', ...metadata },
    spec: { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] } },
    status,
  }) as unknown as ResourceClaim

const result = { request: 'gpu', driver: 'gpu.example.com', pool: 'n', device: 'gpu-0' }
const allocation = { devices: { results: [result] } }
const pod = { resource: 'pods', name: 'p', uid: 'u' }
const said = (now: ResourceClaim, old = claim({})) => claimStatusErrors(now, old).map((e) => `${e.field}: ${e.message}`)

test('devices are allocated to requests, and stay so', () => {
  assert.deepEqual(said(claim({ allocation })), [])
  const other = { devices: { results: [{ ...result, request: 'cpu' }] } }
  assert.deepEqual(said(claim({ allocation: other })), [
    `status.allocation.devices.results[0].request: Invalid value: "cpu": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'`,
  ])
  const [changed = ''] = said(claim({ allocation: other }), claim({ allocation }))
  assert.match(changed, /^status\.allocation: Invalid value: .*: field is immutable$/)
})

test('a claim is reserved for users once it is allocated, and for no new ones once it goes', () => {
  assert.deepEqual(said(claim({ allocation, reservedFor: [pod] })), [])
  assert.deepEqual(said(claim({ reservedFor: [pod, pod] })), [
    'status.reservedFor[1]: Duplicate value: "u"',
    'status.reservedFor: Forbidden: may not be specified when `allocated` is not set',
  ])
  const going = claim({ allocation, reservedFor: [pod] }, { deletionTimestamp: '2026-01-01T00:00:00Z' })
  assert.deepEqual(said(going, claim({ allocation })), [
    'status.reservedFor: Forbidden: new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set',
  ])
  assert.deepEqual(said(going, claim({ allocation, reservedFor: [pod] })), [])
})

test('drivers speak of allocated devices only', () => {
  const device = { driver: 'gpu.example.com', pool: 'n', device: 'gpu-1' }
  assert.deepEqual(said(claim({ allocation, devices: [device] })), [
    'status.devices[0]: Invalid value: "gpu.example.com/n/gpu-1": must be an allocated device in the claim',
  ])
})
