import assert from 'node:assert/strict'
import { test } from 'node:test'
import { amount, milli, whole } from './amount.ts'

test('quantities of every suffix become numbers', () => {
  for (const [text, value] of [
    ['500m', 0.5],
    ['1', 1],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['2e3', 2000],
    ['3k', 3000],
    ['64Mi', 64 * 2 ** 20],
    ['', 0],
    [undefined, 0],
  ] as const)
    assert.equal(amount(text), value, text)
})

test('what is not whole is rounded up', () => {
  assert.equal(milli('0.1'), 100)
  assert.equal(milli('100u'), 1)
  assert.equal(whole('1500m'), 2)
  assert.equal(milli('2'), 2000)
})
