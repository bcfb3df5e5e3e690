import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ConditionLike, withCondition } from './conditions.ts'
import { semanticEqual, stableText } from './equality.ts'
import { generatedName, safeEncode } from './generate-name.ts'
import { resolveIntOrPercent } from './int-or-percent.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from './object-meta.ts'
import { controllerOf, ownerReference } from './owners.ts'

const rules = { namespaced: true }
const good = { name: 'web', namespace: 'blue' }
const lines = (errors: { field: string; message: string }[]) => errors.map((e) => `${e.field}: ${e.message}`)

test('good metadata passes, missing names do not', () => {
  assert.deepEqual(validateObjectMeta(good, rules), [])
  assert.deepEqual(lines(validateObjectMeta({ namespace: 'blue' }, rules)), [
    'metadata.name: Required value: name or generateName is required',
  ])
  assert.deepEqual(lines(validateObjectMeta({ name: 'n', namespace: 'blue' }, { namespaced: false })), [
    'metadata.namespace: Forbidden: not allowed on this type',
  ])
  assert.match(
    lines(validateObjectMeta({ ...good, name: 'Web' }, rules))[0]!,
    /^metadata.name: Invalid value: "Web": a low/,
  )
})

test('labels, annotations, finalizers and owners are checked', () => {
  const bad = (meta: object) => lines(validateObjectMeta({ ...good, ...meta }, rules))
  assert.match(bad({ labels: { 'a b': 'c' } })[0]!, /^metadata.labels: Invalid value: "a b": name part must consist/)
  assert.match(bad({ labels: { a: '-' } })[0]!, /^metadata.labels: Invalid value: "-": a valid label/)
  assert.deepEqual(bad({ annotations: { big: 'x'.repeat(262144) } }), [
    'metadata.annotations: Too long: may not be more than 262144 bytes',
  ])
  assert.match(bad({ finalizers: ['mine'] })[0]!, /neither a standard finalizer name nor is it fully qualified/)
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u', controller: true }
  assert.match(bad({ ownerReferences: [owner, { ...owner, uid: 'v' }] })[0]!, /Only one reference can have Controller/)
  assert.match(bad({ ownerReferences: [{ ...owner, uid: '' }] })[0]!, /^metadata.ownerReferences.uid/)
})

test('an update may not change what identifies the object', () => {
  const old = { ...good, uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }
  assert.deepEqual(validateObjectMetaUpdate(old, old), [])
  assert.deepEqual(lines(validateObjectMetaUpdate({ ...old, uid: 'v' }, old)), [
    'metadata.uid: Invalid value: "v": field is immutable',
  ])
  assert.deepEqual(lines(validateObjectMetaUpdate({ ...old, resourceVersion: '' }, old)), [
    'metadata.resourceVersion: Invalid value: "": must be specified for an update',
  ])
  const deleted = { ...old, deletionTimestamp: '2026-01-01T00:00:00Z' }
  assert.match(
    lines(validateObjectMetaUpdate({ ...deleted, finalizers: ['a/b'] }, deleted))[0]!,
    /no new finalizers can be added if the object is being deleted, found new finalizers \[\]string\{"a\/b"\}$/,
  )
})

test('a generated name is the prefix and five safe characters, 63 at most', () => {
  assert.match(generatedName('web-'), /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
  assert.equal(generatedName('x'.repeat(100)).length, 63)
  assert.equal(safeEncode('123'), safeEncode('123'))
})

test('a condition keeps its transition time while its status stays', () => {
  const [first] = withCondition<ConditionLike>([], { type: 'Ready', status: 'False', reason: 'A' }, 0)
  assert.equal(first?.lastTransitionTime, '1970-01-01T00:00:00Z')
  const second = withCondition<ConditionLike>([first!], { type: 'Ready', status: 'False', reason: 'B' }, 60_000)
  assert.equal(second[0]?.lastTransitionTime, '1970-01-01T00:00:00Z')
  assert.equal(second[0]?.reason, 'B')
  assert.equal(withCondition<ConditionLike>(second, { type: 'Ready', status: 'False', reason: 'B' }, 90_000), second)
  const third = withCondition<ConditionLike>(second, { type: 'Ready', status: 'True' }, 60_000)
  assert.equal(third[0]?.lastTransitionTime, '1970-01-01T00:01:00Z')
})

test('percentages resolve up or down', () => {
  assert.equal(resolveIntOrPercent('25%', 10, 'up'), 3)
  assert.equal(resolveIntOrPercent('25%', 10, 'down'), 2)
  assert.equal(resolveIntOrPercent(4, 10, 'down'), 4)
  assert.throws(() => resolveIntOrPercent('many', 10, 'up'))
})

test('owners are found by their controller flag', () => {
  const ref = ownerReference({ apiVersion: 'apps/v1', kind: 'ReplicaSet' }, {
    metadata: { name: 'rs', uid: 'u' },
  } as never)
  assert.equal(controllerOf({ metadata: { ownerReferences: [ref] } })?.uid, 'u')
  assert.equal(controllerOf({ metadata: {} }), undefined)
})

test('semantic equality forgives what has no meaning', () => {
  assert.equal(semanticEqual({ a: 1, b: [] }, { a: 1 }), true)
  assert.equal(semanticEqual({ a: {} }, {}), false)
  assert.equal(semanticEqual({ a: 0 }, {}), false)
  assert.equal(semanticEqual([1, 2], [2, 1]), false)
  assert.equal(stableText({ b: 1, a: [{ d: 1, c: null }] }), '{"a":[{"d":1}],"b":1}')
})
