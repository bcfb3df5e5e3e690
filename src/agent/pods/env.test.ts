import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/kinds/pod.ts'
import type * as v1 from '../../api/types/core.v1.ts'
import { containerEnv, type EnvSources, expandCommand, serviceEnv } from './env.ts'
import { expand } from './expand.ts'
import { type FieldContext, fieldValue, resourceValue } from './fields.ts'

const pod = {
  metadata: { name: 'web', namespace: 'blue', uid: 'u1', labels: { b: '2', a: 'x"y' }, annotations: { note: 'hi' } },
  spec: {
    serviceAccountName: 'sa',
    containers: [{ name: 'c', resources: { limits: { cpu: '1500m', memory: '64Mi' }, requests: { cpu: '250m' } } }],
  },
} as unknown as Pod
const context: FieldContext = {
  pod,
  podIPs: ['10.0.0.5'],
  hostIPs: ['192.168.1.2'],
  nodeName: 'n1',
  allocatable: { cpu: '4', memory: '8Gi', 'ephemeral-storage': '10Gi' },
}
const sources: EnvSources = {
  configMap: (name) => (name === 'cm' ? ({ data: { A: '1', 'x-y': '2' } } as unknown as v1.ConfigMap) : undefined),
  secret: (name) =>
    name === 's' ? ({ data: { P: Buffer.from('pw').toString('base64') } } as unknown as v1.Secret) : undefined,
  file: (volume, path) => (volume === 'v' && path === 'e.env' ? "# c\nK='a b'\nL=z\n" : undefined),
  services: [],
}
const env = (spec: object, from = sources) =>
  Object.fromEntries(containerEnv({ name: 'c', ...spec } as v1.Container, context, from).map((e) => [e.key, e.value]))

test('references are expanded, escaped and left alone as in the standard', () => {
  const lookup = (name: string) => ({ A: 'a', B: 'b' })[name]
  for (const [text, expected] of [
    ['$(A)-$(B)', 'a-b'],
    ['$$(A)', '$(A)'],
    ['$(C)', '$(C)'],
    ['$A', '$A'],
    ['$(A', '$(A'],
    ['100$', '100$'],
    ['$$$(A)', '$a'],
    ['$(A)$(A)', 'aa'],
  ] as const)
    assert.equal(expand(text, lookup), expected, text)
})

test('env comes from values, fields, resources, config maps, secrets and files', () => {
  assert.deepEqual(
    env({
      envFrom: [{ configMapRef: { name: 'cm' }, prefix: 'CM_' }, { secretRef: { name: 's' } }],
      env: [
        { name: 'X', value: '$(CM_A)/$(P)/$(NOPE)' },
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
        { name: 'MEM', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
        { name: 'K', valueFrom: { configMapKeyRef: { name: 'cm', key: 'A' } } },
        { name: 'S', valueFrom: { secretKeyRef: { name: 's', key: 'P' } } },
        { name: 'F', valueFrom: { fileKeyRef: { volumeName: 'v', path: 'e.env', key: 'K' } } },
        { name: 'ABSENT', valueFrom: { secretKeyRef: { name: 'no', key: 'P', optional: true } } },
      ],
    }),
    {
      CM_A: '1',
      'CM_x-y': '2',
      P: 'pw',
      X: '1/pw/$(NOPE)',
      IP: '10.0.0.5',
      CPU: '2',
      MEM: '64',
      K: '1',
      S: 'pw',
      F: 'a b',
    },
  )
})

test('a missing reference is a CreateContainerConfigError in the usual words', () => {
  const table: [object, string][] = [
    [{ envFrom: [{ configMapRef: { name: 'no' } }] }, 'configmap "no" not found'],
    [{ envFrom: [{ secretRef: { name: 'no' } }] }, 'secret "no" not found'],
    [
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'cm', key: 'z' } } }] },
      "couldn't find key z in ConfigMap blue/cm",
    ],
    [
      { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'z' } } }] },
      "couldn't find key z in Secret blue/s",
    ],
  ]
  for (const [spec, message] of table) assert.throws(() => env(spec), { message, reason: 'CreateContainerConfigError' })
  assert.deepEqual(env({ envFrom: [{ configMapRef: { name: 'no', optional: true } }] }), {})
})

test('services are visible as variables unless links are off; kubernetes always is', () => {
  const service = (namespace: string, name: string, clusterIP: string, ports: object[]) =>
    ({ metadata: { namespace, name }, spec: { clusterIP, ports } }) as unknown as v1.Service
  const services = [
    service('blue', 'my-db', '10.96.0.7', [{ name: 'sql', port: 5432 }]),
    service('blue', 'headless', 'None', [{ port: 1 }]),
    service('default', 'kubernetes', '10.96.0.1', [{ name: 'https', port: 443 }]),
    service('default', 'other', '10.96.0.9', [{ port: 1 }]),
  ]
  const found = Object.fromEntries(serviceEnv(pod, services))
  assert.equal(found['MY_DB_SERVICE_HOST'], '10.96.0.7')
  assert.equal(found['MY_DB_SERVICE_PORT_SQL'], '5432')
  assert.equal(found['MY_DB_PORT_5432_TCP_ADDR'], '10.96.0.7')
  assert.equal(found['MY_DB_PORT'], 'tcp://10.96.0.7:5432')
  assert.equal(found['KUBERNETES_SERVICE_HOST'], '10.96.0.1')
  assert.equal(found['OTHER_SERVICE_HOST'], undefined)
  assert.equal(found['HEADLESS_SERVICE_HOST'], undefined)
  const off = { ...pod, spec: { ...pod.spec, enableServiceLinks: false } } as Pod
  assert.equal(serviceEnv(off, services).has('MY_DB_SERVICE_HOST'), false)
  assert.equal(serviceEnv(off, services).has('KUBERNETES_SERVICE_HOST'), true)
})

test('fields and resources become text', () => {
  assert.equal(fieldValue('metadata.labels', context), 'a="x\\"y"\nb="2"')
  assert.equal(fieldValue("metadata.annotations['note']", context), 'hi')
  assert.equal(fieldValue('spec.nodeName', context), 'n1')
  assert.throws(() => fieldValue('spec.bogus', context))
  assert.equal(resourceValue({ resource: 'requests.cpu', divisor: '1m' }, 'c', context), '250')
  assert.equal(resourceValue({ resource: 'limits.ephemeral-storage' }, 'c', context), String(10 * 2 ** 30))
  assert.equal(resourceValue({ resource: 'requests.memory' }, 'c', context), '0')
})

test('command and args are expanded by the environment', () => {
  assert.deepEqual(expandCommand(['echo', '$(A)', '$(B)'], [{ key: 'A', value: '1' }]), ['echo', '1', '$(B)'])
  assert.equal(expandCommand([], []), undefined)
})
