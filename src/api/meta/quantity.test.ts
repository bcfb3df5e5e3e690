import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as q from './quantity.ts'

test('quantities are written in canonical form', () => {
  const table: [string, string][] = [
    ['1000m', '1'],
    ['0.5', '500m'],
    ['1500m', '1500m'],
    ['1024Mi', '1Gi'],
    ['1.5Gi', '1536Mi'],
    ['1000', '1k'],
    ['1000000k', '1G'],
    ['0', '0'],
    ['0Mi', '0'],
    ['512', '512'],
    ['1e3', '1e3'],
    ['12e4', '120e3'],
    ['-1.5', '-1500m'],
    ['1E', '1E'],
    ['0.1n', '1n'],
    ['.5Mi', '512Ki'],
    ['100Ki', '100Ki'],
    ['0.001Ki', '1024m'],
    ['1048576', '1048576'],
    ['100000000000000000000', '9223372036854775807'],
  ]
  for (const [text, wanted] of table) {
    assert.equal(q.canonicalQuantity(text), wanted, text)
    assert.equal(q.canonicalQuantity(wanted), wanted, `${wanted} is a fixed point`)
  }
})

test('what is no quantity is refused in the standard words', () => {
  for (const bad of ['', '1 Gi', 'Gi', '1.2.3', '--1', '1GiB', '1e', '0x10', '1'.repeat(65)]) {
    assert.equal(q.isQuantity(bad), false, bad)
  }
  assert.throws(() => q.parseQuantity('abc'), /quantities must match the regular expression/)
  assert.throws(() => q.parseQuantity('1GB'), { message: "unable to parse quantity's suffix" })
})

test('sums, differences and comparisons are exact', () => {
  assert.equal(q.addQuantities('100m', '0.9'), '1')
  assert.equal(q.addQuantities('1Gi', '1M'), '1074741824')
  assert.equal(q.addQuantities('0', '1Gi'), '1Gi')
  assert.equal(q.subQuantities('1', '100m'), '900m')
  assert.equal(q.compareQuantities('1Ki', '1k'), 1)
  assert.equal(q.compareQuantities('1', '1000m'), 0)
})

test('numbers round up to the unit asked for', () => {
  assert.equal(q.toMilli('1.0001'), 1001)
  assert.equal(q.toMilli('250m'), 250)
  assert.equal(q.toWhole('1.5'), 2)
  assert.equal(q.toNumber('1.5'), 1.5)
  assert.equal(q.fromMilli(1500), '1500m')
  assert.equal(q.fromBytes(2 ** 30), '1Gi')
})
