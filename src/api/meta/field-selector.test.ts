import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkFields, formatFieldSelector, matchesFields, parseFieldSelector } from './field-selector.ts'
import type { KubeObject } from './object.ts'

const kind = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  selectableFields: { 'status.phase': (o: { status: { phase: string } }) => o.status.phase },
} as never
const pod = { metadata: { name: 'web', namespace: 'blue' }, status: { phase: 'Running' } } as unknown as KubeObject

test('terms are all required, and values may escape', () => {
  const selector = parseFieldSelector('metadata.name=web,status.phase!=Pending,metadata.namespace==blue')
  assert.equal(matchesFields(kind, selector, pod), true)
  assert.equal(matchesFields(kind, parseFieldSelector('status.phase!=Running'), pod), false)
  assert.deepEqual(parseFieldSelector('a=x\\,y\\=z\\\\'), [{ field: 'a', equal: true, value: 'x,y=z\\' }])
  assert.equal(formatFieldSelector(parseFieldSelector('a=x\\,y')), 'a=x\\,y')
  assert.deepEqual(parseFieldSelector(''), [])
})

test('bad selectors and unknown fields are 400s in the standard words', () => {
  assert.throws(() => parseFieldSelector('name'), {
    code: 400,
    message: "invalid selector: 'name'; can't understand 'name'",
  })
  assert.throws(() => checkFields(kind, parseFieldSelector('spec.foo=1')), {
    code: 400,
    message: 'field label not supported: spec.foo',
  })
  assert.throws(() => checkFields({ group: '', version: 'v1', kind: 'ConfigMap' }, parseFieldSelector('data=1')), {
    message: '"data" is not a known field selector: only "metadata.name", "metadata.namespace"',
  })
})
