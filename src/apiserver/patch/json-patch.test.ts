import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StatusError } from '../../api/meta/errors.ts'
import { applyJsonPatch, MAX_OPERATIONS } from './json-patch.ts'
import { applyMergePatch } from './merge-patch.ts'

const document = () => ({ a: 1, list: ['x', 'y'], deep: { 'a/b': { 'm~n': 2 } } })

test('every operation does what RFC 6902 says', () => {
  const cases: [object[], unknown][] = [
    [[{ op: 'add', path: '/b', value: 2 }], { ...document(), b: 2 }],
    [[{ op: 'add', path: '/list/1', value: 'z' }], { ...document(), list: ['x', 'z', 'y'] }],
    [[{ op: 'add', path: '/list/-', value: 'z' }], { ...document(), list: ['x', 'y', 'z'] }],
    [[{ op: 'remove', path: '/list/0' }], { ...document(), list: ['y'] }],
    [[{ op: 'remove', path: '/list/-1' }], { ...document(), list: ['x'] }],
    [[{ op: 'replace', path: '/deep/a~1b/m~0n', value: null }], { ...document(), deep: { 'a/b': { 'm~n': null } } }],
    [[{ op: 'move', from: '/a', path: '/deep/a' }], { list: ['x', 'y'], deep: { 'a/b': { 'm~n': 2 }, a: 1 } }],
    [[{ op: 'move', from: '/list/0', path: '/list/1' }], { ...document(), list: ['y', 'x'] }],
    [[{ op: 'copy', from: '/list', path: '/copy' }], { ...document(), copy: ['x', 'y'] }],
    [[{ op: 'test', path: '/list', value: ['x', 'y'] }], document()],
    [[{ op: 'test', path: '/absent', value: null }], document()],
    [[{ op: 'replace', path: '', value: { new: true } }], { new: true }],
  ]
  for (const [patch, expected] of cases) {
    const before = document()
    assert.deepEqual(applyJsonPatch(before, patch), expected, JSON.stringify(patch))
    assert.deepEqual(before, document())
  }
})

test('operations that cannot be performed are refused as unprocessable, and the answer does not say why', () => {
  const cases: [object, string][] = [
    [{ op: 'test', path: '/a', value: 2 }, 'testing value /a failed: test failed'],
    [{ op: 'remove', path: '/nope' }, 'remove operation does not apply: doc is missing path: /nope: missing value'],
    [
      { op: 'replace', path: '/nope/x', value: 1 },
      'replace operation does not apply: doc is missing path: /nope/x: missing value',
    ],
    [
      { op: 'add', path: '/list/5', value: 1 },
      'add operation does not apply: invalid array index: /list/5: invalid index referenced',
    ],
    [
      { op: 'move', from: '/deep', path: '/deep/x' },
      'move operation cannot move a value into itself: /deep to /deep/x',
    ],
  ]
  for (const [operation, why] of cases) {
    assert.throws(
      () => applyJsonPatch(document(), [operation]),
      (err: StatusError) => {
        assert.equal(err.code, 422)
        assert.equal(err.message, 'the server rejected our request due to an error in our request')
        assert.deepEqual([err.details, (err.cause as Error).message], [{}, why])
        return true
      },
    )
  }
})

test('patches that are none, too long or multiply data are refused', () => {
  const malformed: [unknown, string][] = [
    [{ op: 'add' }, 'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp'],
    [[5], 'error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp'],
    [[{ op: 'jump', path: '/a' }], 'invalid operation {"op":"jump","path":"/a"}: unsupported operation'],
    [
      [{ op: 'add', path: '/a' }],
      `invalid operation {"op":"add","path":"/a"}: failed to decode 'value': operation, missing value field: missing value`,
    ],
    [
      [{ op: 'copy', path: '/a' }],
      `invalid operation {"op":"copy","path":"/a"}: failed to decode 'from': operation, missing from field: missing value`,
    ],
  ]
  for (const [patch, message] of malformed) {
    assert.throws(() => applyJsonPatch(document(), patch), { code: 400, message })
  }
  const many = new Array(MAX_OPERATIONS + 1).fill({ op: 'test', path: '/a', value: 1 })
  assert.throws(() => applyJsonPatch({ a: 1 }, many), {
    code: 413,
    message: 'Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001',
  })
  const doubling = Array.from({ length: 60 }, () => ({ op: 'copy', from: '/a', path: '/a/-' }))
  assert.throws(() => applyJsonPatch({ a: [1] }, doubling), { code: 413 })
})

test('a pointer cannot reach the runtime prototypes', () => {
  applyJsonPatch({}, [{ op: 'add', path: '/__proto__', value: { polluted: true } }])
  assert.throws(() => applyJsonPatch({}, [{ op: 'add', path: '/constructor/prototype/polluted', value: true }]))
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
})

test('a merge patch merges objects, replaces the rest and removes what is null', () => {
  // the examples of RFC 7386, appendix A, with objects as patches
  const cases: [unknown, unknown, unknown][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [['a'], { a: 1 }, { a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ]
  for (const [target, patch, expected] of cases) assert.deepEqual(applyMergePatch(target, patch), expected)
  assert.throws(() => applyMergePatch({}, ['x']), { code: 400 })
})
