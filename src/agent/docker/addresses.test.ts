import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AddressPool, macOf } from './addresses.ts'

test('addresses are given in turn, without the ends of the range and the reserved ones', () => {
  const pool = new AddressPool('10.244.3.0/29', ['10.244.3.1'])
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => pool.allocate()),
    ['10.244.3.2', '10.244.3.3', '10.244.3.4', '10.244.3.5', '10.244.3.6'],
  )
  assert.throws(() => pool.allocate(), /no pod address is free/)
})

test('a freed address rests until the others were given', () => {
  const pool = new AddressPool('10.244.3.0/29', ['10.244.3.1'])
  const first = pool.allocate()
  pool.release(first)
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => pool.allocate()),
    ['10.244.3.3', '10.244.3.4', '10.244.3.5', '10.244.3.6', first],
  )
})

test('addresses of what runs already are not given, those of another range do not matter', () => {
  const pool = new AddressPool('10.244.3.0/29', ['10.244.3.1'])
  for (const address of ['10.244.3.4', '192.168.0.1']) pool.take(address)
  assert.deepEqual(
    [1, 2, 3, 4].map(() => pool.allocate()),
    ['10.244.3.5', '10.244.3.6', '10.244.3.2', '10.244.3.3'],
  )
})

test('addresses above 127 and their hardware addresses are right', () => {
  assert.equal(new AddressPool('192.168.255.0/24', []).allocate(), '192.168.255.1')
  assert.equal(macOf('10.244.0.17'), '02:42:0a:f4:00:11')
})
