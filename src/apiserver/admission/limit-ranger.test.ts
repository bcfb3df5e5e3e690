import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { pod, type TestApi, testApi, withDefaultAccount } from '../test-api.ts'
import { claimProblems, podProblems } from './limit-rules.ts'

let api: TestApi
before(async () => {
  api = await testApi()
})
after(() => api.close())

const range = (...limits: object[]) => ({ metadata: { name: 'bounds' }, spec: { limits } }) as never
const one = (requests: object, limits: object = {}) =>
  pod('p', { containers: [{ name: 'app', image: 'i', resources: { requests, limits } }] }) as never

test('containers, pods and claims out of bounds are told the bound and what they ask for', () => {
  const container = (rule: object) => range({ type: 'Container', ...rule })
  const table: [unknown, unknown, string[]][] = [
    [
      container({ min: { memory: '64Mi' } }),
      one({ memory: '32Mi' }),
      ['minimum memory usage per Container is 64Mi, but request is 32Mi'],
    ],
    [container({ min: { cpu: '1' } }), one({}), ['minimum cpu usage per Container is 1.  No request is specified']],
    [
      container({ min: { cpu: '1' } }),
      one({ cpu: '2' }, { cpu: '500m' }),
      ['minimum cpu usage per Container is 1, but limit is 500m'],
    ],
    [
      container({ max: { cpu: '1' } }),
      one({ cpu: '2' }),
      ['maximum cpu usage per Container is 1.  No limit is specified'],
    ],
    [
      container({ max: { cpu: '1' } }),
      one({ cpu: '1' }, { cpu: '1500m' }),
      ['maximum cpu usage per Container is 1, but limit is 1500m'],
    ],
    [
      container({ max: { cpu: '1' } }),
      one({ cpu: '2' }, { cpu: '1' }),
      ['maximum cpu usage per Container is 1, but request is 2'],
    ],
    [container({ max: { cpu: '1' } }), one({ cpu: '1' }, { cpu: '1000m' }), []],
    [
      container({ maxLimitRequestRatio: { cpu: '2' } }),
      one({ cpu: '100m' }, { cpu: '250m' }),
      ['cpu max limit to request ratio per Container is 2, but provided ratio is 2.500000'],
    ],
    [container({ maxLimitRequestRatio: { cpu: '2' } }), one({ cpu: '100m' }, { cpu: '200m' }), []],
    [
      container({ maxLimitRequestRatio: { cpu: '2' } }),
      one({ cpu: '1' }),
      ['cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0'],
    ],
    [
      range({ type: 'Pod', max: { memory: '1Gi' } }),
      one({ memory: '2Gi' }, { memory: '2Gi' }),
      ['maximum memory usage per Pod is 1Gi, but limit is 2Gi'],
    ],
  ]
  for (const [rules, asked, problems] of table) assert.deepEqual(podProblems(asked as never, rules as never), problems)
  const claim = { spec: { resources: { requests: { storage: '3Gi' } } } } as never
  const claims = (rule: object) => range({ type: 'PersistentVolumeClaim', ...rule })
  assert.deepEqual(claimProblems(claim, claims({ max: { storage: '2Gi' } })), [
    'maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi',
  ])
  assert.deepEqual(claimProblems(claim, claims({ min: { storage: '4Gi' } })), [
    'minimum storage usage per PersistentVolumeClaim is 4Gi, but request is 3Gi',
  ])
})

test('containers get the defaults of the namespace, and the pod says which', async () => {
  await withDefaultAccount(api)
  const made = await api.post('/api/v1/namespaces/default/limitranges', {
    metadata: { name: 'bounds' },
    spec: {
      limits: [
        {
          type: 'Container',
          min: { cpu: '50m', memory: '100Mi' },
          max: { cpu: '500m', memory: '500Mi' },
          default: { cpu: '500m', memory: '500Mi' },
          defaultRequest: { cpu: '100m', memory: '200Mi' },
        },
      ],
    },
  })
  assert.equal(made.status, 201, made.body.message)
  const PODS = '/api/v1/namespaces/default/pods'
  const plain = await api.post(PODS, pod('plain', { initContainers: [{ name: 'first', image: 'i' }] }))
  assert.equal(plain.status, 201, plain.body.message)
  const all = { requests: { cpu: '100m', memory: '200Mi' }, limits: { cpu: '500m', memory: '500Mi' } }
  assert.deepEqual(plain.body.spec.containers[0].resources, all)
  assert.deepEqual(plain.body.spec.initContainers[0].resources, all)
  assert.equal(
    plain.body.metadata.annotations['kubernetes.io/limit-ranger'],
    'LimitRanger plugin set: cpu, memory request for container app; cpu, memory limit for container app; cpu, memory request for init container first; cpu, memory limit for init container first',
  )
  const own = { containers: [{ name: 'app', image: 'i', resources: { requests: { cpu: '300m' } } }] }
  const partly = await api.post(PODS, pod('partly', own))
  assert.deepEqual(partly.body.spec.containers[0].resources, {
    requests: { cpu: '300m', memory: '200Mi' },
    limits: { cpu: '500m', memory: '500Mi' },
  })
  const small = { containers: [{ name: 'app', image: 'i', resources: { requests: { cpu: '10m', memory: '100Mi' } } }] }
  const refused = await api.post(PODS, pod('small', small))
  assert.equal(refused.status, 403)
  assert.equal(refused.body.reason, 'Forbidden')
  assert.equal(
    refused.body.message,
    'pods "small" is forbidden: minimum cpu usage per Container is 50m, but request is 10m',
  )
})

test('what is wrong with a LimitRange itself is told by field', async () => {
  const post = async (limit: object) =>
    (await api.post('/api/v1/namespaces/default/limitranges', { metadata: { name: 'x' }, spec: { limits: [limit] } }))
      .body
  const table: [object, RegExp][] = [
    [
      { type: 'Pod', default: { cpu: '1' } },
      /spec\.limits\[0\]\.default: Forbidden: may not be specified when `type` is 'Pod'/,
    ],
    [
      { type: 'Container', min: { cpu: '2' }, max: { cpu: '1' } },
      /spec\.limits\[0\]\.min\[cpu\]: Invalid value: "2": min value 2 is greater than max value 1/,
    ],
    [
      { type: 'PersistentVolumeClaim', default: { storage: '1' } },
      /either minimum or maximum storage value is required, but neither was provided/,
    ],
    [{ type: 'Container', maxLimitRequestRatio: { cpu: '500m' } }, /ratio 500m is less than 1/],
  ]
  for (const [limit, why] of table) assert.match((await post(limit)).message, why)
})
