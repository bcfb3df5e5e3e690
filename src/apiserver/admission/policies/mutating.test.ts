import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { configMap, deployment, type Json, testApi } from '../../test-api.ts'

const api = await testApi()
const GROUP = '/apis/admissionregistration.k8s.io/v1'
const MAPS = '/api/v1/namespaces/default/configmaps'
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
after(() => api.close())
afterEach(async () => {
  await api.delete(`${GROUP}/mutatingadmissionpolicybindings`)
  await api.delete(`${GROUP}/mutatingadmissionpolicies`)
  await api.delete(MAPS)
  await api.delete(DEPLOYMENTS)
})

const rule = (apiGroups: string[], resources: string[]) => ({
  resourceRules: [{ apiGroups, apiVersions: ['v1'], resources, operations: ['CREATE', 'UPDATE'] }],
})
const ON_MAPS = rule([''], ['configmaps'])
const ON_DEPLOYMENTS = rule(['apps'], ['deployments'])
const apply = (expression: string) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } })
const json = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } })

const policy = (name: string, mutations: object[], spec: object = {}) => ({
  metadata: { name },
  spec: { matchConstraints: ON_MAPS, failurePolicy: 'Fail', reinvocationPolicy: 'Never', mutations, ...spec },
})
const writePolicy = (name: string, mutations: object[], spec: object = {}) =>
  api.post(`${GROUP}/mutatingadmissionpolicies`, policy(name, mutations, spec))
async function configure(name: string, mutations: object[], spec: object = {}, binding: object = {}): Promise<void> {
  const made = await writePolicy(name, mutations, spec)
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const bound = await api.post(`${GROUP}/mutatingadmissionpolicybindings`, {
    metadata: { name: `${name}-binding` },
    spec: { policyName: name, ...binding },
  })
  assert.equal(bound.status, 201, JSON.stringify(bound.body))
}
async function created(url: string, body: object): Promise<Json> {
  const answer = await api.post(url, body)
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body
}
const createMap = (name: string, data: Record<string, string> = {}) => created(MAPS, configMap(name, data))
const LABEL = 'Object{metadata: Object.metadata{labels: {"team": "blue"}}}'

describe('a mutating policy', () => {
  it('lays an applied configuration over the object, keeping what it does not name', async () => {
    await configure('label', [apply(LABEL)])
    const made = await created(MAPS, configMap('one', { a: 'b' }, { labels: { own: 'yes' } }))
    assert.deepEqual(made.metadata.labels, { own: 'yes', team: 'blue' })
    assert.deepEqual(made.data, { a: 'b' })
    assert.match(made.metadata.uid, /^[0-9a-f-]{36}$/)
    const changed = await api.put(`${MAPS}/one`, configMap('one', { a: 'c' }))
    assert.deepEqual(changed.body.metadata.labels, { team: 'blue' })
  })

  it('merges lists by their keys and gives what is added its defaults', async () => {
    const sidecar = `Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
      containers: [Object.spec.template.spec.containers{name: "sidecar", image: "proxy:1",
        ports: [Object.spec.template.spec.containers.ports{containerPort: 8080}]}]}}}}`
    await configure('sidecar', [apply(sidecar)], { matchConstraints: ON_DEPLOYMENTS })
    const { spec } = await created(DEPLOYMENTS, deployment('web'))
    const [own, added] = spec.template.spec.containers
    assert.equal(spec.template.spec.containers.length, 2)
    assert.notEqual(own.name, 'sidecar')
    assert.equal(added.terminationMessagePolicy, 'File')
    assert.deepEqual(added.ports, [{ containerPort: 8080, protocol: 'TCP' }])
  })

  it('patches with JSON patches made of expressions', async () => {
    await configure('patch', [
      json('[JSONPatch{op: "add", path: "/metadata/labels", value: {"x": "y"}}]'),
      json(`[
        JSONPatch{op: "test", path: "/data/a", value: "b"},
        JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("example.com/size"), value: string(size(object.data))},
        JSONPatch{op: "copy", from: "/data/a", path: "/data/copied"}
      ]`),
    ])
    const made = await createMap('one', { a: 'b' })
    assert.deepEqual(made.metadata.labels, { x: 'y', 'example.com/size': '1' })
    assert.deepEqual(made.data, { a: 'b', copied: 'b' })
    // a test that fails leaves the object alone
    assert.deepEqual((await createMap('two', { a: 'c' })).metadata.labels, { x: 'y' })
  })

  it('sees variables, parameters, the namespace, and what the mutation before left', async () => {
    await createMap('settings', { team: 'green' })
    await configure(
      'all',
      [
        apply('Object{metadata: Object.metadata{labels: {"team": variables.team}}}'),
        apply(
          'Object{metadata: Object.metadata{annotations: {"of": string(object.metadata.labels.team), "in": namespaceObject.metadata.name}}}',
        ),
      ],
      {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        variables: [{ name: 'team', expression: 'params.data.team' }],
        matchConditions: [{ name: 'not-off', expression: 'object.metadata.name != "off"' }],
      },
      { paramRef: { name: 'settings', parameterNotFoundAction: 'Deny' } },
    )
    const made = await createMap('one')
    assert.equal(made.metadata.labels.team, 'green')
    assert.deepEqual(made.metadata.annotations, { of: 'green', in: 'default' })
    assert.equal((await createMap('off')).metadata.labels, undefined)
  })

  it('comes in the order of names, each seeing the one before', async () => {
    const append = (letter: string) =>
      json(
        `[JSONPatch{op: "add", path: "/data/order", value: (has(object.data.order) ? object.data.order : "") + "${letter}"}]`,
      )
    await configure('b', [append('b')])
    await configure('a', [append('a')])
    assert.equal((await createMap('one', { x: 'y' })).data.order, 'ab')
  })

  it('is invoked once more, where it asks for that, after something changed the object', async () => {
    const count = json('[JSONPatch{op: "add", path: "/data/count", value: string(int(object.data.count) + 1)}]')
    await configure('a', [count], { reinvocationPolicy: 'IfNeeded' })
    await configure('b', [apply(LABEL)])
    assert.equal((await createMap('one', { count: '0' })).data.count, '2')
    await api.delete(`${GROUP}/mutatingadmissionpolicies/a`)
    await api.post(`${GROUP}/mutatingadmissionpolicies`, policy('a', [count]))
    assert.equal((await createMap('two', { count: '0' })).data.count, '1')
  })

  it('works on custom resources, and on the shape of a subresource', async () => {
    const schema = {
      openAPIV3Schema: {
        type: 'object',
        properties: {
          spec: {
            type: 'object',
            properties: {
              size: { type: 'integer' },
              words: { type: 'array', items: { type: 'string' } },
            },
          },
        },
      },
    }
    const names = { plural: 'boxes', kind: 'Box' }
    const versions = [{ name: 'v1', served: true, storage: true, schema }]
    const spec = { group: 'example.com', scope: 'Namespaced', names, versions }
    await created('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      metadata: { name: 'boxes.example.com' },
      spec,
    })
    const matchConstraints = rule(['example.com'], ['boxes'])
    await configure('box', [apply('Object{spec: Object.spec{size: object.spec.size * 2}}')], { matchConstraints })
    const box = await created('/apis/example.com/v1/namespaces/default/boxes', {
      apiVersion: 'example.com/v1',
      kind: 'Box',
      metadata: { name: 'one' },
      spec: { size: 4, words: ['a'] },
    })
    assert.deepEqual(box.spec, { size: 8, words: ['a'] })

    await configure('few', [apply('Object{spec: Object.spec{replicas: 3}}')], {
      matchConstraints: rule(['apps'], ['deployments/scale']),
    })
    await created(DEPLOYMENTS, deployment('scaled'))
    const scaled = await api.patch('merge', `${DEPLOYMENTS}/scaled/scale`, { spec: { replicas: 10 } })
    assert.equal(scaled.body.spec.replicas, 3, JSON.stringify(scaled.body))
    assert.equal((await api.get(`${DEPLOYMENTS}/scaled`)).body.spec.replicas, 3)
  })

  it('refuses the request in the standard words when it cannot be evaluated, unless failures are ignored', async () => {
    await configure('broken', [apply('Object{metadata: Object.metadata{labels: {"x": object.data.missing}}}')])
    const refused = await api.post(MAPS, configMap('one', { a: 'b' }))
    const expression = 'Object{metadata: Object.metadata{labels: {"x": object.data.missing}}}'
    const words = `policy 'broken' with binding 'broken-binding' denied request: expression '${expression}' resulted in error: no such key: missing`
    assert.deepEqual(
      [refused.status, refused.body.reason, refused.body.message, refused.body.details.causes],
      [403, 'Invalid', words, [{ message: words }]],
    )
    await api.patch('merge', `${GROUP}/mutatingadmissionpolicies/broken`, { spec: { failurePolicy: 'Ignore' } })
    await createMap('one', { a: 'b' })
  })

  it('may not name atomic lists and maps, unknown fields, or types at the wrong place', async () => {
    const words = async (expression: string, matchConstraints: object = ON_DEPLOYMENTS) => {
      await configure('wrong', [apply(expression)], { matchConstraints })
      const { status, body } = await api.post(DEPLOYMENTS, deployment('web'))
      assert.equal(status, 403)
      await api.delete(`${GROUP}/mutatingadmissionpolicies/wrong`)
      await api.delete(`${GROUP}/mutatingadmissionpolicybindings/wrong-binding`)
      return body.message.replace(/^.*denied request: /, '')
    }
    const pod = (inside: string) =>
      `Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{${inside}}}}}`
    assert.equal(
      await words(pod('nodeSelector: {"a": "b"}')),
      'error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.template.spec.nodeSelector',
    )
    assert.equal(
      await words('Object{spec: Object.spec{wrong: 1}}'),
      'error applying patch: failed to convert patch object to typed object: .spec.wrong: field not declared in schema',
    )
    assert.equal(
      await words('Object{spec: Object.spec{template: Object.spec.pod{}}}'),
      'type mismatch: unexpected type name "Object.spec.pod", expected "Object.spec.template", which matches field name path from root Object type',
    )
  })

  it('is refused itself when an expression does not compile or makes something else', async () => {
    const { status, body } = await writePolicy('broken', [
      apply('Object{'),
      apply('"text"'),
      json('[Object{}]'),
      json('[JSONPatch{op: 1}]'),
      apply('Wrong{}'),
    ])
    assert.equal(status, 422)
    const causes = (body.details.causes as { field: string; message: string }[]).map(({ field, message }) => [
      field,
      message.replace(/^.*?": /, '').split('\n')[0],
    ])
    assert.deepEqual(causes.slice(1), [
      ['spec.mutations[1].applyConfiguration.expression', 'must evaluate to Object but got string'],
      ['spec.mutations[2].jsonPatch.expression', 'must evaluate to list(JSONPatch) but got list(Object)'],
      [
        'spec.mutations[3].jsonPatch.expression',
        "compilation failed: ERROR: <input>:1:14: expected type of field 'op' is 'string' but provided type is 'int'",
      ],
      [
        'spec.mutations[4].applyConfiguration.expression',
        "compilation failed: ERROR: <input>:1:6: undeclared reference to 'Wrong' (in container '')",
      ],
    ])
    assert.match(causes[0]![1]!, /^compilation failed: ERROR: <input>:1:8: Syntax error/)
  })

  it('leaves its marks in the metrics', async () => {
    await configure('counted', [apply(LABEL)])
    await createMap('one')
    const metrics = String((await api.get('/metrics')).body)
    assert.match(
      metrics,
      /apiserver_mutating_admission_policy_check_total\{policy="counted",policy_binding="counted-binding",error_type="no_error"\} 1/,
    )
  })
})
