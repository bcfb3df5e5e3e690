import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Props } from './props.ts'
import { NO_OLD, validateValue } from './values.ts'

const lines = (props: object, value: unknown, old: unknown = NO_OLD) =>
  validateValue(props as Props, value, old).map(({ field, message }) => `${field}: ${message}`)
const within = (a: object) => ({ type: 'object', properties: { a } })

const CASES: readonly [string, object, unknown, string[]][] = [
  [
    'a null that may not be',
    within({ type: 'string' }),
    { a: null },
    ['a: Invalid value: "null": a in body must be of type string: "null"'],
  ],
  ['a null that may be', within({ type: 'string', nullable: true }), { a: null }, []],
  ['an integer for a number', within({ type: 'number' }), { a: 1 }, []],
  [
    'exclusive bounds',
    within({ type: 'number', minimum: 1, exclusiveMinimum: true }),
    { a: 1 },
    ['a: Invalid value: 1: a in body should be greater than 1'],
  ],
  ['multiples', within({ type: 'number', multipleOf: 0.1 }), { a: 0.3 }, []],
  [
    'a format',
    within({ type: 'string', format: 'ipv4' }),
    { a: 'x' },
    ['a: Invalid value: "x": a in body must be of type ipv4: "x"'],
  ],
  ['an unknown format', within({ type: 'string', format: 'whatever' }), { a: 'x' }, []],
  [
    'one of two',
    { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }] },
    { a: 1, b: 2 },
    ['<nil>: Invalid value: "": "" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
  ],
  [
    'not',
    within({ type: 'string', not: { enum: ['x'] } }),
    { a: 'x' },
    ['<nil>: Invalid value: "": "a" must not validate the schema (not)'],
  ],
  ['properties of the prototype', within({ type: 'string' }), JSON.parse('{"__proto__":1,"constructor":2}'), []],
]
for (const [what, props, value, expected] of CASES) {
  test(what, () => assert.deepEqual(lines(props, value), expected))
}

test('a part that is wrong and unchanged is tolerated, a changed one beside it is not', () => {
  const props = {
    type: 'object',
    properties: { a: { type: 'string', maxLength: 1 }, b: { type: 'string', maxLength: 1 } },
  }
  assert.deepEqual(lines(props, { a: 'long', b: 'x' }, { a: 'long', b: 'y' }), [])
  assert.equal(lines(props, { a: 'long', b: 'new' }, { a: 'long', b: 'y' }).length, 1)
})

test('elements of map lists are compared by their keys, those of other lists are not', () => {
  const list = {
    type: 'array',
    items: { type: 'object', properties: { n: { type: 'string' }, v: { type: 'integer', maximum: 1 } } },
  }
  const map = { ...list, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n'] }
  const [old, next] = [
    { a: [{ n: 'x', v: 5 }] },
    {
      a: [
        { n: 'y', v: 1 },
        { n: 'x', v: 5 },
      ],
    },
  ]
  assert.deepEqual(lines(within(map), next, old), [])
  assert.equal(lines(within(list), next, old).length, 1)
})
