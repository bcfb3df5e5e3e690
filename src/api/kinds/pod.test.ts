import assert from 'node:assert/strict'
import { test } from 'node:test'
import { podTemplateHash } from '../meta/pods.ts'
import { imageTag } from './image-reference.ts'
import { Pod } from './pod.ts'

const pod = (spec: object = {}, more: object = {}): Pod => {
  const obj = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'blue', labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', image: 'nginx' }], ...spec },
    ...more,
  } as unknown as Pod
  Pod.default?.(obj)
  return obj
}

test('a pod gets the defaults that kubectl shows', () => {
  const { spec } = pod({
    containers: [
      {
        name: 'c',
        image: 'nginx',
        resources: { limits: { cpu: '1' } },
        livenessProbe: { httpGet: { port: 80 } },
      },
    ],
    serviceAccount: 'bot',
  })
  assert.equal(spec.serviceAccountName, 'bot')
  assert.equal(spec.enableServiceLinks, true)
  assert.deepEqual(spec.containers[0], {
    name: 'c',
    image: 'nginx',
    imagePullPolicy: 'Always',
    resources: { limits: { cpu: '1' }, requests: { cpu: '1' } },
    livenessProbe: {
      httpGet: { path: '/', port: 80, scheme: 'HTTP' },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    },
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  })
})

test('images that move are always pulled', () => {
  const table: [string, string][] = [
    ['nginx', 'latest'],
    ['nginx:latest', 'latest'],
    ['nginx:1.27', '1.27'],
    ['localhost:5000/team/nginx', 'latest'],
    ['localhost:5000/team/nginx:2', '2'],
    [`nginx@sha256:${'a'.repeat(64)}`, ''],
    ['Not An Image', ''],
  ]
  for (const [image, tag] of table) assert.equal(imageTag(image), tag, image)
})

test('a new pod is Pending with its quality of service, and its own labels in its spread constraints', () => {
  const obj = pod({
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'zone',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: {},
        matchLabelKeys: ['app'],
      },
    ],
  })
  Pod.prepareForCreate?.(obj)
  assert.deepEqual(obj.status, { phase: 'Pending', qosClass: 'BestEffort' })
  assert.deepEqual(obj.spec.topologySpreadConstraints?.[0]?.labelSelector, {
    matchExpressions: [{ key: 'app', operator: 'In', values: ['web'] }],
  })
})

test('ephemeral containers come only through their subresource, and only more of them', () => {
  const created = Pod.validate!(pod({ ephemeralContainers: [{ name: 'd', image: 'd' }] }))
  assert.deepEqual(
    created.map(({ field, message }) => `${field}: ${message}`),
    ['spec.ephemeralContainers: Forbidden: cannot be set on create'],
  )
  const rules = Pod.validateSubresource!.ephemeralcontainers!
  const [none, one] = [pod(), pod({ ephemeralContainers: [{ name: 'd', image: 'd' }] })]
  assert.deepEqual(rules(one, none), [])
  assert.match(rules(none, one)[0]!.message, /may not be removed/)
  const clash = pod({ ephemeralContainers: [{ name: 'c', image: 'd' }] })
  assert.equal(rules(clash, none)[0]?.field, 'spec.ephemeralContainers[0].name')
})

test('a resize changes CPU and memory within the same quality of service', () => {
  const rules = Pod.validateSubresource!.resize!
  const asks = (requests: object) => pod({ containers: [{ name: 'c', image: 'i', resources: { requests } }] })
  assert.deepEqual(rules(asks({ cpu: '2' }), asks({ cpu: '1' })), [])
  assert.match(rules(asks({}), asks({ cpu: '1' }))[0]!.message, /QOS Class may not change/)
  assert.match(rules(asks({ cpu: '1' }), asks({ cpu: '1', memory: '1Gi' }))[0]!.message, /requests cannot be removed/)
})

test('a pod goes after its own grace period, one that never ran at once', () => {
  const running = pod({ nodeName: 'n', terminationGracePeriodSeconds: 5 }, { status: { phase: 'Running' } })
  assert.equal(Pod.gracePeriodSeconds?.(running), 5)
  assert.equal(Pod.gracePeriodSeconds?.(pod()), 0)
  assert.equal(Pod.gracePeriodSeconds?.(pod({ nodeName: 'n' }, { status: { phase: 'Succeeded' } })), 0)
})

test('defaults do not change the hash of a template that has them', () => {
  const { metadata, spec } = pod()
  assert.equal(podTemplateHash({ metadata, spec }), podTemplateHash(structuredClone({ metadata, spec })))
})
