import assert from 'node:assert/strict'
import { test } from 'node:test'
import { structFor } from '../../api/schema/tables.ts'
import { applyStrategicPatch } from './strategic.ts'

const Deployment = structFor('apps', 'v1', 'Deployment')
const Pod = structFor('', 'v1', 'Pod')
const Service = structFor('', 'v1', 'Service')
const pod = (spec: object, metadata: object = {}) => ({ metadata, spec })

test('lists with a merge key are merged element by element, others replaced', () => {
  const before = pod({
    containers: [
      { name: 'a', image: 'a:1', args: ['x'] },
      { name: 'b', image: 'b:1' },
    ],
  })
  const patch = {
    spec: {
      containers: [
        { name: 'c', image: 'c:1' },
        { name: 'a', image: 'a:2', args: ['y'] },
      ],
    },
  }
  assert.deepEqual(
    applyStrategicPatch(Pod, before, patch),
    pod({
      containers: [
        { name: 'c', image: 'c:1' },
        { name: 'a', image: 'a:2', args: ['y'] },
        { name: 'b', image: 'b:1' },
      ],
    }),
  )
  assert.equal(before.spec && JSON.stringify(before).includes('a:2'), false)
})

test('an element can be deleted, and a whole list or object replaced', () => {
  const before = pod({ containers: [{ name: 'a' }, { name: 'b' }], securityContext: { runAsUser: 1, fsGroup: 2 } })
  assert.deepEqual(
    applyStrategicPatch(Pod, before, { spec: { containers: [{ name: 'a', $patch: 'delete' }] } }),
    pod({ containers: [{ name: 'b' }], securityContext: { runAsUser: 1, fsGroup: 2 } }),
  )
  assert.deepEqual(
    applyStrategicPatch(Pod, before, {
      spec: {
        containers: [{ $patch: 'replace' }, { name: 'z' }],
        securityContext: { $patch: 'replace', runAsGroup: 3 },
      },
    }),
    pod({ containers: [{ name: 'z' }], securityContext: { runAsGroup: 3 } }),
  )
  assert.deepEqual(applyStrategicPatch(Pod, before, { spec: { securityContext: { $patch: 'delete' } } }), {
    metadata: {},
    spec: { containers: [{ name: 'a' }, { name: 'b' }], securityContext: {} },
  })
})

test('null removes a field, also where only the patch has it', () => {
  const before = pod({ nodeName: 'n' }, { labels: { a: '1', b: '2' } })
  assert.deepEqual(
    applyStrategicPatch(Pod, before, {
      metadata: { labels: { a: null }, annotations: { x: null } },
      spec: { nodeName: null },
    }),
    pod({}, { labels: { b: '2' }, annotations: {} }),
  )
})

test('retainKeys drops what is not named', () => {
  const before = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } }
  const patch = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } }
  assert.deepEqual(applyStrategicPatch(Deployment, before, patch), { spec: { strategy: { type: 'Recreate' } } })
  assert.throws(
    () => applyStrategicPatch(Deployment, before, { spec: { strategy: { $retainKeys: ['x'], type: 'Recreate' } } }),
    { code: 400 },
  )
  const volumes = pod({ volumes: [{ name: 'v', hostPath: { path: '/x' } }] })
  assert.deepEqual(
    applyStrategicPatch(Pod, volumes, {
      spec: { volumes: [{ $retainKeys: ['name', 'emptyDir'], name: 'v', emptyDir: {} }] },
    }),
    pod({ volumes: [{ name: 'v', emptyDir: {} }] }),
  )
})

test('lists of scalars with merge strategy are sets with deletions and an order', () => {
  const before = pod({}, { finalizers: ['a', 'b', 'c'] })
  assert.deepEqual(
    applyStrategicPatch(Pod, before, { metadata: { finalizers: ['d', 'a'] } }),
    pod({}, { finalizers: ['d', 'a', 'b', 'c'] }),
  )
  assert.deepEqual(
    applyStrategicPatch(Pod, before, { metadata: { '$deleteFromPrimitiveList/finalizers': ['b', 'x'] } }),
    pod({}, { finalizers: ['a', 'c'] }),
  )
  assert.deepEqual(
    applyStrategicPatch(Pod, before, { metadata: { '$setElementOrder/finalizers': ['c', 'a', 'b'] } }),
    pod({}, { finalizers: ['c', 'a', 'b'] }),
  )
})

test('setElementOrder arranges merged elements; what only the server has keeps its place', () => {
  const before = pod({
    containers: [{ name: 'a' }, { name: 'server' }, { name: 'b' }],
  })
  const patch = {
    spec: {
      '$setElementOrder/containers': [{ name: 'b' }, { name: 'new' }, { name: 'a' }],
      containers: [{ name: 'new' }, { name: 'a', image: 'x' }],
    },
  }
  const names = (
    applyStrategicPatch(Pod, before, patch) as { spec: { containers: { name: string }[] } }
  ).spec.containers.map((c) => c.name)
  assert.deepEqual(
    names.filter((name) => name !== 'server'),
    ['b', 'new', 'a'],
  )
  assert.equal(names.length, 4)
  assert.throws(
    () =>
      applyStrategicPatch(Pod, before, {
        spec: { '$setElementOrder/containers': [{ name: 'a' }], containers: [{ name: 'b', image: 'x' }] },
      }),
    { code: 400 },
  )
})

test('an element without its merge key and unknown directives are refused', () => {
  assert.throws(
    () => applyStrategicPatch(Pod, pod({ containers: [{ name: 'a' }] }), { spec: { containers: [{ image: 'x' }] } }),
    { code: 400, message: 'map: map[image:x] does not contain declared merge key: name' },
  )
  assert.throws(
    () => applyStrategicPatch(Pod, pod({}), { spec: { $patch: 'shred' } }),
    /unknown patch type: shred in map/,
  )
})

test('service ports merge by port', () => {
  const before = { spec: { ports: [{ port: 80, targetPort: 8080 }] } }
  assert.deepEqual(
    applyStrategicPatch(Service, before, { spec: { ports: [{ port: 80, name: 'web' }, { port: 443 }] } }),
    {
      spec: { ports: [{ port: 80, targetPort: 8080, name: 'web' }, { port: 443 }] },
    },
  )
})

test('replacing or deleting what is not there does nothing', () => {
  const pod = { spec: { nodeName: 'n' } }
  for (const $patch of ['replace', 'delete']) {
    const patch = { spec: { securityContext: { fsGroup: 1, $patch } } }
    assert.deepEqual(applyStrategicPatch(structFor('', 'v1', 'Pod'), pod, patch), pod)
  }
})
