import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError, decodeObject } from './decode.ts'
import { structFor } from './tables.ts'

const Deployment = structFor('apps', 'v1', 'Deployment')
const Pod = structFor('', 'v1', 'Pod')
const Secret = structFor('', 'v1', 'Secret')
const ConfigMap = structFor('', 'v1', 'ConfigMap')
const podSpec = (spec: object) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec })
const container = (more: object) => podSpec({ containers: [{ name: 'c', ...more }] })

test('unknown fields are pruned and named with their path', () => {
  const { object, unknown } = decodeObject(Deployment, {
    metadata: { name: 'web', labells: {} },
    spec: { replica: 3, template: { spec: { containers: [{ name: 'a' }, { name: 'b', imag: 'x' }] } } },
  })
  assert.deepEqual(unknown, ['metadata.labells', 'spec.replica', 'spec.template.spec.containers[1].imag'])
  assert.equal(JSON.stringify(object).includes('imag'), false)
})

test('values of the wrong type are named as the API names them', () => {
  const cases: [typeof Pod, unknown, string][] = [
    [
      Deployment,
      { spec: { replicas: 'three' } },
      'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      Deployment,
      { spec: { replicas: 1.5 } },
      'json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      Deployment,
      { spec: { replicas: 2147483648 } },
      'json: cannot unmarshal number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      Pod,
      container({ env: [{ name: 'A', value: 1 }] }),
      'json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string',
    ],
    [
      Pod,
      podSpec({ containers: {} }),
      'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container',
    ],
    [
      Pod,
      podSpec({ containers: ['x'] }),
      'json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type v1.Container',
    ],
    [Pod, { spec: [] }, 'json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec'],
    [
      Pod,
      { metadata: { labels: { a: true } } },
      'json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string',
    ],
    [
      Pod,
      { metadata: { labels: 'a' } },
      'json: cannot unmarshal string into Go struct field ObjectMeta.metadata.labels of type map[string]string',
    ],
    [Secret, { data: { a: 'no base64!' } }, 'illegal base64 data at input byte 2'],
    [
      Pod,
      container({ resources: { limits: { cpu: 'x' } } }),
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [
      Pod,
      { metadata: { creationTimestamp: 'yesterday' } },
      'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
    ],
    [
      Pod,
      container({ livenessProbe: { httpGet: { port: true } } }),
      'json: cannot unmarshal bool into Go value of type int32',
    ],
    [Pod, 'text', 'json: cannot unmarshal string into Go value of type v1.Pod'],
  ]
  for (const [schema, value, message] of cases) {
    assert.throws(() => decodeObject(schema, value), { name: 'DecodeError', message })
  }
})

test('null and empty optional values are left out, pointers keep their zero', () => {
  const { object } = decodeObject(Deployment, {
    metadata: { name: 'web', labels: {}, annotations: null },
    spec: {
      replicas: 0,
      paused: false,
      template: { spec: { containers: [], hostNetwork: false, automountServiceAccountToken: false, tolerations: [] } },
    },
  })
  assert.deepEqual(object, {
    metadata: { name: 'web' },
    spec: { replicas: 0, template: { spec: { containers: [], automountServiceAccountToken: false } } },
  })
})

test('fields that the wire always carries are filled in', () => {
  const { object } = decodeObject(Pod, container({ ports: [{}], resources: {}, image: '' }))
  assert.deepEqual((object['spec'] as { containers: unknown[] }).containers[0], {
    name: 'c',
    ports: [{ containerPort: 0 }],
    resources: {},
  })
})

test('an apply configuration keeps empty values and gets nothing added', () => {
  const config = { metadata: { name: 'web', labels: {} }, spec: { paused: false, template: { spec: {} } } }
  assert.deepEqual(decodeObject(Deployment, config, { partial: true }).object, config)
})

test('leaves come out in their canonical form', () => {
  const { object } = decodeObject(
    Pod,
    container({
      resources: { limits: { cpu: 0.5, memory: '1024Mi' } },
      livenessProbe: { httpGet: { port: 'http' } },
    }),
  )
  const [c] = (object['spec'] as { containers: { resources: unknown; livenessProbe: unknown }[] }).containers
  assert.deepEqual(c?.resources, { limits: { cpu: '500m', memory: '1Gi' } })
  assert.deepEqual(c?.livenessProbe, { httpGet: { port: 'http' } })
  const meta = decodeObject(Pod, { metadata: { creationTimestamp: '2026-01-02T03:04:05.678+01:00' } }).object
  assert.deepEqual(meta['metadata'], { creationTimestamp: '2026-01-02T02:04:05Z' })
})

test('the input is neither changed nor shared', () => {
  const input = { data: { a: '1' }, metadata: { name: 'c', managedFields: [{ fieldsV1: { 'f:data': {} } }] } }
  const before = structuredClone(input)
  const { object } = decodeObject(ConfigMap, input) as unknown as { object: typeof input }
  object.data.a = '2'
  object.metadata.managedFields[0]!.fieldsV1['f:data'] = { x: 1 } as object
  assert.deepEqual(input, before)
})

test('keys named like parts of the JavaScript runtime are ordinary keys', () => {
  const { object } = decodeObject(
    ConfigMap,
    JSON.parse('{"data":{"__proto__":"a","constructor":"b"},"__proto__":{"x":1}}'),
  )
  assert.deepEqual(Object.keys(object['data'] as object).sort(), ['__proto__', 'constructor'])
  assert.equal(({} as { x?: number }).x, undefined)
})

test('a type that contains itself is read', () => {
  const crd = structFor('apiextensions.k8s.io', 'v1', 'JSONSchemaProps')
  const value = { type: 'object', properties: { a: { properties: { b: { type: 'string', maxLength: 3 } } } } }
  assert.deepEqual(decodeObject(crd, value).object, value)
  assert.throws(() => decodeObject(crd, { properties: { a: { maxLength: 'x' } } }), DecodeError)
})
