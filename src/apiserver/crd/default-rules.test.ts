import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { type Json, testApi } from '../test-api.ts'

const api = await testApi()
after(() => api.close())
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const RULES = 'x-kubernetes-validations'
const integer = (rules: object[] = [], more: object = {}) => ({ type: 'integer', [RULES]: rules, ...more })

/** What is said of a definition whose `spec` has this schema: below `properties[spec]`. */
async function said(spec: object): Promise<string[]> {
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } }
  const { body } = await api.post(`${DEFINITIONS}?dryRun=All`, {
    metadata: { name: 'boxes.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'boxes', kind: 'Box' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  })
  const causes = (body.details?.causes ?? []) as Json[]
  return causes.map(({ field, message }) => `${field.replace(/^.*properties\[spec\]\.?/, '')} ${message}`)
}

it('a default must keep the rules of its place and of what is in it, as a new value and as one that stays', async () => {
  const withDefault = (properties: object, rules: object[] = []) => ({
    type: 'object',
    default: { a: 1 },
    properties,
    [RULES]: rules,
  })
  assert.deepEqual(await said(withDefault({ a: integer() }, [{ rule: 'self.a > 2' }])), [
    'default Invalid value: failed rule: self.a > 2',
  ])
  assert.deepEqual(await said(withDefault({ a: integer([{ rule: 'self > 2', message: 'too small' }]) })), [
    'default.a Invalid value: 1: too small',
  ])
  assert.deepEqual(await said({ type: 'object', properties: { a: integer([{ rule: 'self > 2' }], { default: 1 }) } }), [
    'properties[a].default Invalid value: 1: failed rule: self > 2',
  ])
  assert.deepEqual(await said(withDefault({ a: integer(), b: integer() }, [{ rule: 'self.b > 2' }])), [
    'default Invalid value: "object": no such key: b evaluating rule: self.b > 2',
  ])
  assert.deepEqual(await said(withDefault({ a: integer() }, [{ rule: 'self.a > oldSelf.a' }])), [
    'default Invalid value: failed rule: self.a > oldSelf.a',
  ])
  assert.deepEqual(await said(withDefault({ a: integer() }, [{ rule: 'self.a > 0' }])), [])
})

it('the table of definitions has a column of dates', async () => {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
  const { body } = await api.get(DEFINITIONS, { headers: { accept } })
  assert.deepEqual(
    body.columnDefinitions.map(({ name, type }: Json) => [name, type]),
    [
      ['Name', 'string'],
      ['Created At', 'date'],
    ],
  )
})
