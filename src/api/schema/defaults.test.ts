import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonEqual, semanticEqual } from '../meta/equality.ts'
import { cloneJson } from './clone.ts'
import { applyDefaults, fillEmptyStructs } from './defaults.ts'
import { structFor } from './tables.ts'

const Pod = structFor('', 'v1', 'Pod')
const Deployment = structFor('apps', 'v1', 'Deployment')

test('plain defaults are set where their parent is, twice equals once', () => {
  const pod = {
    spec: {
      containers: [{ name: 'a', ports: [{ containerPort: 80 }, { containerPort: 53, protocol: 'UDP' }] }],
      volumes: [{ name: 'v', azureDisk: { diskName: 'd', diskURI: 'u' } }],
    },
  }
  applyDefaults(Pod, pod)
  const expected = {
    spec: {
      containers: [
        {
          name: 'a',
          ports: [
            { containerPort: 80, protocol: 'TCP' },
            { containerPort: 53, protocol: 'UDP' },
          ],
        },
      ],
      volumes: [
        {
          name: 'v',
          azureDisk: {
            diskName: 'd',
            diskURI: 'u',
            cachingMode: 'ReadWrite',
            fsType: 'ext4',
            readOnly: false,
            kind: 'Shared',
          },
        },
      ],
    },
  }
  assert.deepEqual(pod, expected)
  assert.deepEqual(applyDefaults(Pod, pod), expected)
})

test('empty structs that the wire always carries are added', () => {
  const deployment = { metadata: {}, spec: { template: { spec: { containers: [{ name: 'a' }] } } } }
  assert.deepEqual(fillEmptyStructs(Deployment, deployment), {
    metadata: {},
    spec: {
      template: { metadata: {}, spec: { containers: [{ name: 'a', resources: {} }] } },
      strategy: {},
    },
    status: {},
  })
})

test('equality in meaning forgives absent and empty, strict equality does not', () => {
  assert.ok(semanticEqual({ a: 1, b: [], c: null }, { a: 1 }))
  assert.ok(!semanticEqual({ podSelector: {} }, {}), 'an empty selector chooses all, none chooses nothing')
  assert.ok(!semanticEqual({ a: 0 }, {}))
  assert.ok(!semanticEqual({ a: [1, 2] }, { a: [2, 1] }))
  assert.ok(!semanticEqual({}, JSON.parse('{"toString":1}')))
  assert.ok(!jsonEqual({ a: 1, b: [] }, { a: 1 }))
  assert.ok(jsonEqual({ a: [{ x: null }] }, { a: [{ x: null }] }))
})

test('a clone shares nothing and keeps odd keys', () => {
  const value = JSON.parse('{"a":[{"b":1}],"__proto__":{"c":2}}')
  const copy = cloneJson(value)
  assert.deepEqual(JSON.stringify(copy), JSON.stringify(value))
  copy.a[0].b = 2
  assert.equal(value.a[0].b, 1)
})
