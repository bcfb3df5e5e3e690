import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalIp, dashed, inNetworks, ipBytes, reverseAddress, undashed } from './ip.ts'

const hex = (address: string) => {
  const bytes = ipBytes(address)
  return bytes && Buffer.from(bytes).toString('hex')
}

test('addresses become bytes', () => {
  assert.equal(hex('10.244.0.255'), '0af400ff')
  assert.equal(hex('fd00::20'), `fd00${'0'.repeat(26)}20`)
  assert.equal(hex('::'), '0'.repeat(32))
  assert.equal(hex('1:2:3:4:5:6:7:8'), '00010002000300040005000600070008')
  assert.equal(hex('::ffff:10.0.0.1'), '00000000000000000000ffff0a000001')
})

test('what is no address has no bytes', () => {
  for (const text of [
    '',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.1.2',
    '1..2.3',
    '10.0.0.1234',
    'a.b.c.d',
    '10.0.0.1 ',
    ':::',
  ]) {
    assert.equal(hex(text), undefined, text)
  }
})

test('reverse names give their addresses, whole ones only', () => {
  assert.equal(reverseAddress('5.0.244.10.in-addr.arpa'), '10.244.0.5')
  assert.equal(reverseAddress('0.244.10.in-addr.arpa'), undefined)
  assert.equal(reverseAddress('example.com'), undefined)
  const v6 = [...'fd00'.padEnd(31, '0'), '5'].reverse().join('.')
  assert.equal(reverseAddress(`${v6}.ip6.arpa`), 'fd00::5')
  assert.equal(canonicalIp('fd00:0:0:0::5'), 'fd00::5')
})

test('dashed names lead back to their addresses', () => {
  for (const address of ['10.244.0.5', 'fd00:10::5']) assert.equal(undashed(dashed(address)), address)
  assert.equal(undashed('web-0'), undefined)
})

test('networks of both families are looked into', () => {
  const isService = inNetworks(['10.96.0.0/12', 'fd00:1::/108'])
  assert.deepEqual(['10.96.0.1', '10.111.255.255', '10.112.0.0', 'fd00:1::9', 'fd00:2::9', 'x'].map(isService), [
    true,
    true,
    false,
    true,
    false,
    false,
  ])
})
