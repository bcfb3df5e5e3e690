// Sets of indexes: what they hold, what is wrong with them, what two of them share.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstShared, parseIndexes } from './job-indexes.ts'

test('the indexes of a text are counted', () => {
  assert.deepEqual(parseIndexes('', 3), { total: 0 })
  assert.deepEqual(parseIndexes('0,2-4,9', 10), { total: 5 })
})

test('what is wrong with a text is said in the standard words', () => {
  for (const [text, problem] of [
    ['3,1', 'non-increasing order, previous: 3, current: 1'],
    ['5-2', 'non-increasing order, previous: 5, current: 2'],
    ['1-', 'cannot convert string to integer for index: ""'],
    ['12', 'too large index: "12"'],
    [
      '1-2-3',
      `the fragment "1-2-3" violates the requirement that an index interval can have at most two parts separated by '-'`,
    ],
  ] as const) {
    assert.deepEqual(parseIndexes(text, 10), { problem })
  }
})

test('the first index that two texts share is found, if any', () => {
  assert.equal(firstShared('0-2,7', '4,6-8', 10), 7)
  assert.equal(firstShared('0-2', '3-5', 10), undefined)
  assert.equal(firstShared('x,4', '4', 10), 4)
  assert.equal(firstShared('', '4', 10), undefined)
})
