import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StatusError } from '../../api/meta/errors.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import { decodeObject } from '../../api/schema/decode.ts'
import { applyDefaults, fillEmptyStructs } from '../../api/schema/defaults.ts'
import { structFor } from '../../api/schema/tables.ts'
import type { ManagedFieldsEntry } from '../../api/types/meta.v1.ts'
import { type ApplyTarget, applyConfiguration, LAST_APPLIED } from './apply.ts'
import { managerName, type PlainObject, trackUpdate } from './managed-fields.ts'

const Deployment: ApplyTarget = {
  schema: structFor('apps', 'v1', 'Deployment'),
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  resetFields: ['status'],
}
const ConfigMap: ApplyTarget = { schema: structFor('', 'v1', 'ConfigMap'), apiVersion: 'v1', kind: 'ConfigMap' }
const NOON = '2026-01-01T12:00:00Z'
const LATER = '2026-01-01T13:00:00Z'

const stored = (target: ApplyTarget, object: object): PlainObject => {
  const decoded = decodeObject(target.schema, object).object
  return fillEmptyStructs(target.schema, applyDefaults(target.schema, decoded)) as PlainObject
}
const withFields = (object: PlainObject, managedFields: ManagedFieldsEntry[] | undefined): PlainObject => ({
  ...object,
  metadata: { ...object.metadata, ...(managedFields ? { managedFields } : {}) },
})
const deployment = (spec: object, metadata: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default', ...metadata },
  spec,
})
const configMap = (data: object, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'c', namespace: 'default', ...metadata },
  data,
})
function apply(
  target: ApplyTarget,
  live: PlainObject | undefined,
  config: object,
  manager = 'me',
  force = false,
  now = NOON,
) {
  const { object, managedFields } = applyConfiguration(target, live, config, { manager, force, now })
  return withFields(stored(target, object), managedFields)
}
function update(target: ApplyTarget, live: PlainObject | undefined, next: object, manager: string, now = NOON) {
  const object = stored(target, next)
  return withFields(object, trackUpdate(target, live, object, manager, now))
}
const fieldsOf = (object: PlainObject, manager: string) =>
  object.metadata?.managedFields?.find((entry) => entry.manager === manager)?.fieldsV1

test('a create is recorded the way the API records it', () => {
  const created = update(
    Deployment,
    undefined,
    deployment(
      {
        replicas: 2,
        selector: { matchLabels: { app: 'web' } },
        strategy: { rollingUpdate: { maxSurge: 1 }, type: 'RollingUpdate' },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: { containers: [{ name: 'nginx', image: 'nginx', ports: [{ containerPort: 80 }] }] },
        },
      },
      { labels: { app: 'web' } },
    ),
    'kubectl-create',
  )
  assert.deepEqual(created.metadata?.managedFields, [
    {
      manager: 'kubectl-create',
      operation: 'Update',
      apiVersion: 'apps/v1',
      time: NOON,
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
        'f:spec': {
          'f:replicas': {},
          'f:selector': {},
          'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {} }, 'f:type': {} },
          'f:template': {
            'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
            'f:spec': {
              'f:containers': {
                'k:{"name":"nginx"}': {
                  '.': {},
                  'f:image': {},
                  'f:name': {},
                  'f:ports': {
                    '.': {},
                    'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {}, 'f:protocol': {} },
                  },
                  'f:resources': {},
                },
              },
            },
          },
        },
      },
    },
  ])
})

test('an update takes over what it changes and leaves the rest untouched', () => {
  const created = update(ConfigMap, undefined, configMap({ a: '1', b: '1' }), 'alice')
  const changed = update(ConfigMap, created, configMap({ a: '2', b: '1', c: '1' }), 'bob', LATER)
  assert.deepEqual(fieldsOf(changed, 'alice'), { 'f:data': { '.': {}, 'f:b': {} } })
  assert.deepEqual(fieldsOf(changed, 'bob'), { 'f:data': { 'f:a': {}, 'f:c': {} } })
  const removed = update(ConfigMap, changed, configMap({ a: '2' }), 'carol', LATER)
  assert.deepEqual(fieldsOf(removed, 'alice'), { 'f:data': {} })
  assert.deepEqual(fieldsOf(removed, 'bob'), { 'f:data': { 'f:a': {} } })
  assert.equal(fieldsOf(removed, 'carol'), undefined)
})

test('an update that changes nothing keeps the entries and their times', () => {
  const created = update(ConfigMap, undefined, configMap({ a: '1' }), 'alice')
  const again = update(ConfigMap, created, configMap({ a: '1' }), 'bob', LATER)
  assert.deepEqual(again.metadata?.managedFields, created.metadata?.managedFields)
  const same = update(ConfigMap, created, configMap({ a: '2' }), 'alice', LATER)
  assert.equal(same.metadata?.managedFields?.length, 1)
  assert.equal(same.metadata?.managedFields?.[0]?.time, LATER)
})

test('status written through its subresource has its own entry', () => {
  const created = update(Deployment, undefined, deployment({ selector: {}, template: {} }), 'alice')
  const target = { ...Deployment, subresource: 'status', resetFields: ['spec'] }
  const next = stored(Deployment, { ...created, status: { replicas: 1 } })
  const entries = trackUpdate(target, created, next, 'controller', LATER)
  const entry = entries?.find((e) => e.manager === 'controller')
  assert.equal(entry?.subresource, 'status')
  assert.deepEqual(entry?.fieldsV1, { 'f:status': { 'f:replicas': {} } })
})

test('the oldest of more than ten updaters are merged', () => {
  let object = update(ConfigMap, undefined, configMap({ k0: '0' }), 'm0', '2026-01-01T00:00:00Z')
  const data: Record<string, string> = { k0: '0' }
  for (let i = 1; i < 14; i++) {
    data[`k${i}`] = String(i)
    object = update(ConfigMap, object, configMap(data), `m${i}`, `2026-01-01T00:00:${String(i).padStart(2, '0')}Z`)
  }
  assert.equal(object.metadata?.managedFields?.length, 10)
  const ancient = fieldsOf(object, 'ancient-changes') as { 'f:data': object }
  assert.deepEqual(Object.keys(ancient['f:data']).sort(), ['.', 'f:k0', 'f:k1', 'f:k2', 'f:k3', 'f:k4'])
})

test('clients may edit managedFields, wipe them, and cannot lose them by leaving them out', () => {
  const created = update(ConfigMap, undefined, configMap({ a: '1' }), 'alice')
  const without = update(ConfigMap, created, configMap({ a: '1' }), 'bob')
  assert.equal(without.metadata?.managedFields?.length, 1)
  const edited = [{ ...created.metadata!.managedFields![0]!, manager: 'renamed' }]
  const renamed = update(ConfigMap, created, configMap({ a: '1' }, { managedFields: edited }), 'bob')
  assert.deepEqual(
    renamed.metadata?.managedFields?.map((e) => e.manager),
    ['renamed'],
  )
  const wiped = stored(ConfigMap, configMap({ a: '1' }, { managedFields: [{}] }))
  assert.equal(trackUpdate(ConfigMap, created, wiped, 'bob', NOON), undefined)
})

test('apply owns exactly what it says and creates the object', () => {
  const live = apply(Deployment, undefined, deployment({ replicas: 3 }, { labels: { app: 'web' } }))
  assert.deepEqual(fieldsOf(live, 'me'), {
    'f:metadata': { 'f:labels': { 'f:app': {} } },
    'f:spec': { 'f:replicas': {} },
  })
  assert.equal(live.metadata?.managedFields?.[0]?.operation, 'Apply')
})

test('applying the same again changes nothing, not even the time', () => {
  const config = deployment({ replicas: 3, paused: false }, { labels: { app: 'web' } })
  const live = apply(Deployment, undefined, config)
  assert.deepEqual(apply(Deployment, live, config, 'me', false, LATER), live)
})

test('what is no longer applied is removed unless another manager holds it', () => {
  const first = apply(ConfigMap, undefined, configMap({ a: '1', b: '1' }))
  const shared = apply(ConfigMap, first, configMap({ b: '1' }), 'other')
  const second = apply(ConfigMap, shared, configMap({}), 'me')
  assert.deepEqual(second['data'], { b: '1' })
  const third = apply(ConfigMap, second, configMap({}), 'other')
  assert.equal(third['data'], undefined)
})

test('list elements are merged, and removed with their last applier', () => {
  const container = (name: string, more: object = {}) => ({ name, ...more })
  const spec = (...containers: object[]) => deployment({ template: { spec: { containers } } })
  const live = apply(Deployment, undefined, spec(container('a', { image: 'a:1' }), container('b', { image: 'b:1' })))
  const both = apply(Deployment, live, spec(container('side', { image: 's' })), 'other')
  const names = (object: PlainObject) =>
    (object['spec'] as { template: { spec: { containers: { name: string }[] } } }).template.spec.containers.map(
      (c) => c.name,
    )
  assert.deepEqual(names(both), ['a', 'b', 'side'])
  const less = apply(Deployment, both, spec(container('b', { image: 'b:1' })))
  assert.deepEqual(names(less), ['b', 'side'])
})

test('a conflict names the manager, its operation and the field', () => {
  const live = update(Deployment, undefined, deployment({ replicas: 1, paused: true }), 'kubectl')
  assert.throws(
    () => apply(Deployment, live, deployment({ replicas: 5 })),
    (err: StatusError) => {
      assert.equal(err.code, 409)
      assert.equal(err.reason, 'Conflict')
      assert.equal(err.message, 'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas')
      assert.deepEqual(err.details?.causes, [
        { reason: 'FieldManagerConflict', message: 'conflict with "kubectl" using apps/v1', field: '.spec.replicas' },
      ])
      return true
    },
  )
  const applied = apply(ConfigMap, undefined, configMap({ a: '1', b: '1' }), 'first')
  assert.throws(() => apply(ConfigMap, applied, configMap({ a: '2', b: '2' }), 'second'), {
    message: 'Apply failed with 2 conflicts: conflicts with "first":\n- .data.a\n- .data.b',
  })
})

test('force takes the fields over', () => {
  const live = update(Deployment, undefined, deployment({ replicas: 1, paused: true }), 'kubectl')
  const forced = apply(Deployment, live, deployment({ replicas: 5 }), 'me', true)
  assert.deepEqual(fieldsOf(forced, 'me'), { 'f:spec': { 'f:replicas': {} } })
  assert.equal(JSON.stringify(fieldsOf(forced, 'kubectl')).includes('replicas'), false)
})

test('equal values are owned together without conflict', () => {
  const live = update(Deployment, undefined, deployment({ replicas: 1 }), 'kubectl')
  const both = apply(Deployment, live, deployment({ replicas: 1 }))
  assert.ok(JSON.stringify(fieldsOf(both, 'kubectl')).includes('replicas'))
  assert.ok(JSON.stringify(fieldsOf(both, 'me')).includes('replicas'))
})

test('the first apply to an untracked object credits what is there to before-first-apply', () => {
  const live = stored(ConfigMap, configMap({ a: '1' }))
  assert.throws(
    () => apply(ConfigMap, live, configMap({ a: '2' })),
    /conflict with "before-first-apply" using v1: .data.a/,
  )
  const joined = apply(ConfigMap, live, configMap({ b: '1' }))
  assert.deepEqual(
    joined.metadata?.managedFields?.map((e) => e.manager),
    ['me', 'before-first-apply'],
  )
})

test('kubectl moves from client-side to server-side apply without conflict', () => {
  const config = configMap({ a: '1' })
  const annotations = { [LAST_APPLIED]: JSON.stringify(config) }
  const live = update(ConfigMap, undefined, configMap({ a: '1' }, { annotations }), 'kubectl-client-side-apply')
  const moved = apply(ConfigMap, live, configMap({ a: '2' }), 'kubectl')
  assert.deepEqual(moved['data'], { a: '2' })
  const kept = (moved.metadata as unknown as { annotations: Record<string, string> }).annotations[LAST_APPLIED]!
  assert.deepEqual(JSON.parse(kept).data, { a: '2' })
  assert.throws(
    () => apply(ConfigMap, live, configMap({ a: '2' }), 'someone'),
    /conflict with "kubectl-client-side-apply"/,
  )
})

test('what is no apply configuration is refused', () => {
  const refused = (config: object, pattern: RegExp) =>
    assert.throws(
      () => apply(Deployment, undefined, config),
      (err: StatusError) => err.code === 400 && pattern.test(err.message),
    )
  refused({ ...deployment({}), apiVersion: 'apps/v1beta1' }, /Incorrect version specified in apply patch/)
  refused(deployment({}, { managedFields: [{}] }), /metadata.managedFields must be nil/)
  refused(
    deployment({ replica: 1 }),
    /^failed to create typed patch object \(default\/web; apps\/v1, Kind=Deployment\): .spec.replica: field not declared in schema$/,
  )
  refused(
    deployment({ template: { spec: { containers: [{ name: 'a' }, { name: 'a' }] } } }),
    /duplicate entries for key/,
  )
  refused(
    deployment({ template: { spec: { containers: [{ name: 'a' }, { name: 'a' }] } } }),
    /containers: duplicate entries for key \[name="a"\]$/,
  )
  refused(deployment({ replicas: 'x' }), /cannot unmarshal string/)
})

test('a list keeps what only it has in its place while shared elements take the order of the configuration', () => {
  const containers = (...names: string[]) =>
    deployment({ template: { spec: { containers: names.map((name) => ({ name })) } } })
  const orders: [string[], string[], string[]][] = [
    [
      ['c', 'a', 'b'],
      ['a', 'c'],
      ['a', 'b', 'c'],
    ],
    [
      ['a', 'b', 'c'],
      ['c', 'x'],
      ['a', 'b', 'c', 'x'],
    ],
    [
      ['a', 'b'],
      ['x', 'b', 'a'],
      ['x', 'b', 'a'],
    ],
    [
      ['a', 'x', 'b', 'y'],
      ['b', 'a'],
      ['x', 'b', 'y', 'a'],
    ],
  ]
  for (const [live, config, expected] of orders) {
    const before = update(Deployment, undefined, containers(...live), 'other')
    const after = apply(Deployment, before, containers(...config), 'me', true) as unknown as {
      spec: { template: { spec: { containers: { name: string }[] } } }
    }
    const got = after.spec.template.spec.containers.map(({ name }) => name)
    assert.deepEqual(got, expected, `${live} with ${config}`)
  }
})

test('a map that loses its last key is empty and not removed: whoever holds it goes on holding it', () => {
  const first = apply(Deployment, undefined, deployment({}, { annotations: { c: 'x' } }), 'a', false)
  const second = apply(Deployment, first, deployment({}, { annotations: {} }), 'b', false)
  const third = apply(Deployment, second, deployment({}), 'a', false)
  assert.equal((third.metadata as { annotations?: object }).annotations, undefined)
  const held = third.metadata?.managedFields?.find(({ manager }) => manager === 'b')
  assert.match(JSON.stringify(held?.fieldsV1), /"f:annotations":\{\}/)
})

test('conflicts are told level by level, fields first', () => {
  const spec = (image: string, tolerance: string) => ({
    paused: true,
    template: { spec: { containers: [{ name: 'c', image }], schedulerName: tolerance } },
  })
  const first = apply(Deployment, undefined, deployment(spec('1', 'x')), 'a', false)
  assert.throws(() => apply(Deployment, first, deployment(spec('2', 'y')), 'b', false), {
    message:
      'Apply failed with 2 conflicts: conflicts with "a":\n' +
      '- .spec.template.spec.schedulerName\n- .spec.template.spec.containers[name="c"].image',
  })
})

test('inputs are never changed', () => {
  const live = update(Deployment, undefined, deployment({ replicas: 1 }), 'kubectl')
  const config = deployment({ replicas: 2 }, { labels: { a: 'b' } })
  const [liveBefore, configBefore] = [cloneJson(live), cloneJson(config)]
  const forced = apply(Deployment, live, config, 'me', true)
  update(Deployment, forced, deployment({ replicas: 4 }), 'other')
  assert.deepEqual(live, liveBefore)
  assert.deepEqual(config, configBefore)
})

test('the manager is named by the client or its user agent', () => {
  assert.equal(managerName('me', 'kubectl/v1'), 'me')
  assert.equal(managerName(null, 'kubectl/v1.32.4 (linux/amd64)'), 'kubectl')
  assert.equal(managerName(undefined, undefined), 'unknown')
})
