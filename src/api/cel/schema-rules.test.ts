// Rules in schemas: what a definition is refused for, and what an object is refused for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JSONSchemaProps, ValidationRule } from '../types/apiextensions.v1.ts'
import { compileSchemaRules } from './schema-rules.ts'

const object = (properties: Record<string, JSONSchemaProps>, rules: ValidationRule[] = []): JSONSchemaProps => ({
  type: 'object',
  properties,
  ...(rules.length ? { 'x-kubernetes-validations': rules } : {}),
})
const withSpec = (spec: JSONSchemaProps) => object({ spec })
const lines = (errors: readonly { field: string; message: string }[]) => errors.map((e) => `${e.field}: ${e.message}`)
const definitionErrors = (schema: JSONSchemaProps) => lines(compileSchemaRules(schema, 'schema').errors)
function objectErrors(schema: JSONSchemaProps, value: unknown, old?: unknown, warnings?: string[]) {
  const rules = compileSchemaRules(schema, 'schema')
  assert.deepEqual(lines(rules.errors), [])
  return lines(rules.validate(value, old, '', (text) => warnings?.push(text)))
}

const replicas = withSpec(
  object({ min: { type: 'integer' }, replicas: { type: 'integer' } }, [{ rule: 'self.min <= self.replicas' }]),
)

test('a schema without rules has nothing to do', () => {
  assert.equal(compileSchemaRules(withSpec({ type: 'object' }), 'schema').present, false)
})

test('an object that keeps its rules is good, one that breaks them is told which', () => {
  assert.deepEqual(objectErrors(replicas, { spec: { min: 1, replicas: 2 } }), [])
  assert.deepEqual(objectErrors(replicas, { spec: { min: 3, replicas: 2 } }), [
    'spec: Invalid value: failed rule: self.min <= self.replicas',
  ])
})

test('a field that is not there is named', () => {
  assert.deepEqual(objectErrors(replicas, { spec: { min: 3 } }), [
    'spec: Invalid value: "object": no such key: replicas evaluating rule: self.min <= self.replicas',
  ])
})

test('a rule on a scalar shows its value; message, reason and fieldPath are used', () => {
  const name: JSONSchemaProps = {
    type: 'string',
    maxLength: 20,
    'x-kubernetes-validations': [{ rule: "self.startsWith('a')", message: ' must begin with a ' }],
  }
  assert.deepEqual(objectErrors(object({ name }), { name: 'xyz' }), ['name: Invalid value: "xyz": must begin with a'])
  const spec = object({ a: { type: 'integer' }, n: { type: 'string', maxLength: 9 } }, [
    {
      rule: 'self.a > 0',
      reason: 'FieldValueForbidden',
      fieldPath: '.a',
      messageExpression: "'a is too small for ' + self.n",
    },
  ])
  assert.deepEqual(objectErrors(withSpec(spec), { spec: { a: 0, n: 'web' } }), [
    'spec.a: Forbidden: a is too small for web',
  ])
})

test('a rule at the root sees kind and name', () => {
  const schema = object({ spec: { type: 'object' } }, [{ rule: "self.metadata.name != 'bad' && self.kind == 'Foo'" }])
  assert.deepEqual(objectErrors(schema, { kind: 'Foo', metadata: { name: 'good' } }), [])
  assert.deepEqual(objectErrors(schema, { kind: 'Foo', metadata: { name: 'bad' } }), [
    "<nil>: Invalid value: failed rule: self.metadata.name != 'bad' && self.kind == 'Foo'",
  ])
})

test('a transition rule runs on updates only, unless oldSelf is optional', () => {
  const rule: ValidationRule = { rule: 'self == oldSelf', message: 'is immutable' }
  const schema = object({ a: { type: 'string', maxLength: 9, 'x-kubernetes-validations': [rule] } })
  assert.deepEqual(objectErrors(schema, { a: 'x' }), [])
  assert.deepEqual(objectErrors(schema, { a: 'x' }, { a: 'x' }), [])
  assert.deepEqual(objectErrors(schema, { a: 'x' }, { a: 'y' }), ['a: Invalid value: "x": is immutable'])
  const optional = object({
    a: {
      type: 'integer',
      'x-kubernetes-validations': [{ rule: 'oldSelf.hasValue() || self == 0', optionalOldSelf: true }],
    },
  })
  assert.deepEqual(objectErrors(optional, { a: 1 }), [
    'a: Invalid value: 1: failed rule: oldSelf.hasValue() || self == 0',
  ])
  assert.deepEqual(objectErrors(optional, { a: 1 }, { a: 5 }), [])
})

test('elements of a list of list-type map are compared by their keys', () => {
  const item = object({ name: { type: 'string', maxLength: 5 }, v: { type: 'integer' } }, [
    { rule: 'self.v >= oldSelf.v', message: 'may not shrink' },
  ])
  const schema = object({
    list: {
      type: 'array',
      maxItems: 10,
      items: item,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
  })
  const old = {
    list: [
      { name: 'a', v: 2 },
      { name: 'b', v: 5 },
    ],
  }
  assert.deepEqual(
    objectErrors(
      schema,
      {
        list: [
          { name: 'b', v: 4 },
          { name: 'a', v: 2 },
          { name: 'c', v: 0 },
        ],
      },
      old,
    ),
    ['list[0]: Invalid value: may not shrink'],
  )
})

test('what an update leaves alone only warns', () => {
  const part = object({ n: { type: 'integer' } }, [{ rule: 'self.n > 0' }])
  const schema = object({ a: part, b: part })
  const warnings: string[] = []
  const old = { a: { n: 0 }, b: { n: 1 } }
  assert.deepEqual(objectErrors(schema, { a: { n: 0 }, b: { n: -1 } }, old, warnings), [
    'b: Invalid value: failed rule: self.n > 0',
  ])
  assert.deepEqual(warnings, ['a: Invalid value: failed rule: self.n > 0'])
})

test('formats become values: times, durations, bytes, numbers', () => {
  const schema = object(
    {
      at: { type: 'string', format: 'date-time' },
      wait: { type: 'string', format: 'duration' },
      data: { type: 'string', format: 'byte', maxLength: 10 },
      share: { type: 'number' },
      port: { 'x-kubernetes-int-or-string': true },
    },
    [
      { rule: 'self.at.getFullYear() == 2024' },
      { rule: "self.wait < duration('2h')" },
      { rule: 'size(self.data) == 3' },
      { rule: 'self.share == 1.0' },
      { rule: "type(self.port) == int ? self.port < 5 : self.port == 'http'" },
    ],
  )
  const value = { at: '2024-05-01T00:00:00Z', wait: '1h', data: 'YWJj', share: 1, port: 'http' }
  assert.deepEqual(objectErrors(schema, value), [])
})

test('lists of list-type set are equal in any order', () => {
  const schema = object(
    { a: { type: 'array', maxItems: 3, items: { type: 'string', maxLength: 3 }, 'x-kubernetes-list-type': 'set' } },
    [{ rule: "self.a == ['y', 'x']" }],
  )
  assert.deepEqual(objectErrors(schema, { a: ['x', 'y'] }), [])
})

test('names that are no identifiers are escaped', () => {
  const schema = object({ 'a-b': { type: 'integer' }, namespace: { type: 'integer' }, 'x.y': { type: 'integer' } }, [
    { rule: 'self.a__dash__b + self.__namespace__ + self.x__dot__y == 6' },
  ])
  assert.deepEqual(objectErrors(schema, { 'a-b': 1, namespace: 2, 'x.y': 3 }), [])
})

test('rules in allOf and below lists and maps are kept', () => {
  const schema = object({
    m: {
      type: 'object',
      maxProperties: 5,
      additionalProperties: { type: 'array', maxItems: 5, items: { type: 'integer' } },
    },
    n: { type: 'integer', allOf: [{ 'x-kubernetes-validations': [{ rule: 'self < 3' }] }] },
  })
  const inner = schema.properties!.m!.additionalProperties as { items: JSONSchemaProps }
  inner.items['x-kubernetes-validations'] = [{ rule: 'self != 2' }]
  assert.deepEqual(objectErrors(schema, { m: { k: [1, 2] }, n: 3 }), [
    'm[k][1]: Invalid value: 2: failed rule: self != 2',
    'n: Invalid value: 3: failed rule: self < 3',
  ])
})

test('a definition whose rule does not compile is refused with the place in the rule', () => {
  const errors = definitionErrors(withSpec(object({ a: { type: 'integer' } }, [{ rule: 'self.b > 1' }])))
  assert.deepEqual(errors, [
    'schema.properties[spec].x-kubernetes-validations[0].rule: Invalid value: {"Rule":"self.b \\u003e 1","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: compilation failed: ERROR: <input>:1:5: undefined field \'b\'\n | self.b > 1\n | ....^',
  ])
})

test('a definition is refused for what is wrong around its rules', () => {
  const wrong = (rule: ValidationRule) =>
    definitionErrors(object({ a: { type: 'string', maxLength: 5 } }, [rule])).map((line) =>
      line.replace('schema.x-kubernetes-validations[0].', '').replace(/\{"Rule.*?\}: /, ''),
    )
  assert.deepEqual(wrong({ rule: ' ' }), ['rule: Required value: rule is not specified'])
  assert.deepEqual(wrong({ rule: "'x'" }), ['rule: Invalid value: cel expression must evaluate to a bool'])
  assert.deepEqual(wrong({ rule: 'true', fieldPath: '.b' }), ['fieldPath: Invalid value: ".b": must be a valid path'])
  assert.deepEqual(wrong({ rule: 'true', messageExpression: '1' }), [
    'messageExpression: Invalid value: messageExpression must evaluate to a string',
  ])
  assert.deepEqual(wrong({ rule: 'true', optionalOldSelf: true }), [
    'optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule',
  ])
  assert.deepEqual(wrong({ rule: 'true\n' + '|| false' }), [
    'message: Required value: message must be specified if rule contains line breaks',
  ])
})

test('a transition rule cannot stand where old and new elements do not belong together', () => {
  const items: JSONSchemaProps = { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self > oldSelf' }] }
  assert.deepEqual(definitionErrors(object({ l: { type: 'array', maxItems: 3, items } })), [
    'schema.properties[l].items.x-kubernetes-validations[0].rule: Invalid value: "self > oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within schema.properties[l]',
  ])
})

test('rules that may cost too much are refused, bounds make them affordable', () => {
  const list = (bounds: Partial<JSONSchemaProps>, text: Partial<JSONSchemaProps>): JSONSchemaProps =>
    object({
      l: {
        type: 'array',
        items: { type: 'string', ...text },
        ...bounds,
        'x-kubernetes-validations': [{ rule: 'self.all(x, self.exists_one(y, x == y))' }],
      },
    })
  const errors = definitionErrors(list({}, {}))
  assert.match(
    errors[0]!,
    /^schema\.properties\[l\]\.x-kubernetes-validations\[0\]\.rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x \(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared\)$/,
  )
  assert.match(errors.at(-1)!, /^schema: Forbidden: x-kubernetes-validations estimated rule cost total for entire/)
  assert.deepEqual(definitionErrors(list({ maxItems: 10 }, { maxLength: 10 })), [])
})

test('an object whose rules cost too much is refused, and no further rules run', () => {
  const schema = object({ l: { type: 'array', maxItems: 100, items: { type: 'integer' } } }, [
    { rule: 'self.l.all(a, self.l.all(b, self.l.all(c, a + b + c >= 0)))' },
    { rule: 'false' },
  ])
  const rules = compileSchemaRules(schema, 'schema')
  const l = Array.from({ length: 90 }, (_, i) => i)
  assert.deepEqual(lines(rules.validate({ l }, undefined, '')), [
    `<nil>: Invalid value: "object": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: self.l.all(a, self.l.all(b, self.l.all(c, a + b + c >= 0)))`,
  ])
})
