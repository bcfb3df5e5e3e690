import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bounds, ipToNumber, nthAddress, numberToIp, overlaps } from './cidr.ts'

test('addresses become numbers and back', () => {
  for (const ip of ['0.0.0.0', '10.96.0.10', '192.168.255.1', '255.255.255.255'])
    assert.equal(numberToIp(ipToNumber(ip)), ip)
  assert.equal(ipToNumber('10.96.0.0'), 174_063_616)
})

test('a range begins where its prefix says, whatever address names it', () => {
  assert.deepEqual(bounds('10.244.7.9/16'), { first: ipToNumber('10.244.0.0'), last: ipToNumber('10.244.255.255') })
  assert.deepEqual(bounds('10.0.0.5/32'), { first: ipToNumber('10.0.0.5'), last: ipToNumber('10.0.0.5') })
  assert.equal(nthAddress('10.96.0.0/16', 10), '10.96.0.10')
  assert.equal(nthAddress('10.96.5.0/16', 1), '10.96.0.1')
})

test('ranges overlap when one holds an address of the other', () => {
  assert.equal(overlaps('10.96.0.0/12', '10.100.3.4/32'), true)
  assert.equal(overlaps('10.100.3.4/32', '10.96.0.0/12'), true)
  assert.equal(overlaps('10.96.0.0/16', '10.97.0.0/16'), false)
  assert.equal(overlaps('128.0.0.0/8', '10.0.0.0/8'), false)
})
