import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { parsePolicy } from '../../audit/policy.ts'
import { configMap, deployment, type Json, testApi } from '../../test-api.ts'

const audited: Json[] = []
const auditPolicy = parsePolicy({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] })
const api = await testApi({
  audit: { policy: auditPolicy, sink: { write: (line) => audited.push(JSON.parse(line)) } },
})
const GROUP = '/apis/admissionregistration.k8s.io/v1'
const MAPS = '/api/v1/namespaces/default/configmaps'
after(() => api.close())
afterEach(async () => {
  await api.delete(`${GROUP}/validatingadmissionpolicybindings`)
  await api.delete(`${GROUP}/validatingadmissionpolicies`)
  await api.delete(MAPS)
})

const ON_MAPS = {
  resourceRules: [
    { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] },
  ],
}
const policy = (name: string, spec: object) => ({
  metadata: { name },
  spec: { matchConstraints: ON_MAPS, failurePolicy: 'Fail', ...spec },
})
const writePolicy = (name: string, spec: object) => api.post(`${GROUP}/validatingadmissionpolicies`, policy(name, spec))
async function apply(name: string, spec: object, binding: object = {}): Promise<void> {
  const made = await writePolicy(name, spec)
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const bound = await api.post(`${GROUP}/validatingadmissionpolicybindings`, {
    metadata: { name: `${name}-binding` },
    spec: { policyName: name, validationActions: ['Deny'], ...binding },
  })
  assert.equal(bound.status, 201, JSON.stringify(bound.body))
}
const CHECKED = { labels: { checked: 'yes' } }
const create = (name: string, data: Record<string, string> = {}, more: object = {}) =>
  api.post(MAPS, configMap(name, data, more))
const said = ({ status, body }: { status: number; body: Json }) => [status, body.message]

describe('a validating policy', () => {
  it('refuses what breaks it, in the standard words', async () => {
    await apply('colour', { validations: [{ expression: "'colour' in object.data" }] })
    const refused = await create('one', { a: 'b' })
    const words =
      "ValidatingAdmissionPolicy 'colour' with binding 'colour-binding' denied request: failed expression: 'colour' in object.data"
    assert.deepEqual(said(refused), [422, `configmaps "one" is forbidden: ${words}`])
    assert.equal(refused.body.reason, 'Invalid')
    assert.deepEqual(refused.body.details.causes, [{ message: words }])
    assert.equal((await create('two', { colour: 'red' })).status, 201)
  })

  it('uses message, messageExpression and reason', async () => {
    await apply('words', {
      validations: [
        { expression: "object.metadata.name != 'one'", message: 'not one', reason: 'Forbidden' },
        { expression: "object.metadata.name != 'two'", messageExpression: "'not ' + object.metadata.name" },
      ],
    })
    const one = await create('one')
    assert.equal(one.status, 403)
    assert.match(one.body.message, /denied request: not one$/)
    assert.match((await create('two')).body.message, /denied request: not two$/)
  })

  it('only warns where its binding says so', async () => {
    await apply(
      'soft',
      { validations: [{ expression: 'false', message: 'no' }] },
      { validationActions: ['Warn', 'Audit'] },
    )
    const answer = await create('one')
    assert.equal(answer.status, 201)
    assert.match(
      String(answer.headers.warning),
      /Validation failed for ValidatingAdmissionPolicy 'soft' with binding 'soft-binding': no/,
    )
  })

  it('sees the request, the old object, the namespace and its variables', async () => {
    await apply('all', {
      variables: [
        { name: 'size', expression: 'size(object.data)' },
        { name: 'large', expression: 'variables.size > 1' },
      ],
      validations: [
        {
          expression:
            "request.operation == 'CREATE' ? oldObject == null : oldObject.metadata.name == object.metadata.name",
        },
        { expression: "namespaceObject.metadata.name == 'default' && request.userInfo.username == 'admin'" },
        { expression: '!variables.large', message: 'too large' },
        { expression: "authorizer.group('').resource('pods').namespace('x').check('create').allowed()" },
      ],
    })
    assert.equal((await create('one', { a: 'b' })).status, 201)
    assert.equal((await api.put(`${MAPS}/one`, configMap('one', { a: 'c' }))).status, 200)
    assert.match((await create('two', { a: 'b', c: 'd' })).body.message, /too large$/)
  })

  it('does not concern what its match conditions, selectors or rules leave out', async () => {
    await apply('some', {
      matchConstraints: { ...ON_MAPS, objectSelector: { matchLabels: { checked: 'yes' } } },
      matchConditions: [{ name: 'named', expression: "object.metadata.name.startsWith('a')" }],
      validations: [{ expression: 'false' }],
    })
    assert.equal((await create('a1')).status, 201)
    assert.equal((await create('b1', {}, CHECKED)).status, 201)
    assert.equal((await create('a2', {}, CHECKED)).status, 422)
    assert.equal((await api.post('/apis/apps/v1/namespaces/default/deployments', deployment('a3'))).status, 201)
  })

  it('takes parameters by name and by selector', async () => {
    await api.post(MAPS, configMap('limits', { max: '1' }))
    const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' }
    const validations = [{ expression: 'size(object.data) <= int(params.data.max)', message: 'over the limit' }]
    await apply('limit', { paramKind, validations }, { paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' } })
    assert.equal((await create('one', { a: 'b' })).status, 201)
    assert.match((await create('two', { a: 'b', c: 'd' })).body.message, /over the limit$/)
    await api.delete(`${MAPS}/limits`)
    assert.match(
      (await create('three')).body.message,
      /failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction$/,
    )
  })

  it('fails closed or open when an expression cannot be evaluated', async () => {
    const validations = [{ expression: "object.data.missing == 'x'" }]
    await apply('closed', { validations })
    assert.match(
      (await create('one', { a: 'b' })).body.message,
      /denied request: expression 'object\.data\.missing == 'x'' resulted in error: no such key: missing$/,
    )
    await api.delete(`${GROUP}/validatingadmissionpolicies/closed`)
    await apply('open', { validations, failurePolicy: 'Ignore' })
    assert.equal((await create('two', { a: 'b' })).status, 201)
  })

  it('is refused itself when an expression does not compile', async () => {
    const { status, body } = await writePolicy('broken', {
      validations: [{ expression: 'object.x +' }, { expression: "'text'" }],
    })
    assert.equal(status, 422)
    const causes = body.details.causes as { field: string; message: string }[]
    assert.deepEqual(
      causes.map((cause) => cause.field),
      ['spec.validations[0].expression', 'spec.validations[1].expression'],
    )
    assert.match(
      causes[0]!.message,
      /^Invalid value: "object\.x \+": compilation failed: ERROR: <input>:1:11: Syntax error/,
    )
    assert.equal(causes[1]!.message, 'Invalid value: "\'text\'": must evaluate to bool but got string')
  })
})

describe('a policy that is written', () => {
  it('is told of everything that is wrong at once', async () => {
    const { body } = await writePolicy('many', { failurePolicy: 'Sometimes', validations: [{ expression: '1' }] })
    const fields = (body.details.causes as { field: string }[]).map(({ field }) => field)
    assert.deepEqual(fields, ['spec.failurePolicy', 'spec.validations[0].expression'])
  })

  it('may not use the authoriser in messages, nor variables in match conditions', async () => {
    const { body } = await writePolicy('reach', {
      variables: [{ name: 'one', expression: '1' }],
      matchConditions: [{ name: 'c', expression: 'variables.one == 1' }],
      validations: [{ expression: 'true', messageExpression: "string(authorizer.path('/x').check('get').allowed())" }],
    })
    const causes = body.details.causes as { field: string; message: string }[]
    assert.deepEqual(
      causes.map(({ field, message }) => [field, /undeclared reference to '(\w+)'/.exec(message)?.[1]]),
      [
        ['spec.matchConditions[0].expression', 'variables'],
        ['spec.validations[0].messageExpression', 'authorizer'],
      ],
    )
  })

  it('may keep an expression that was stored before, but add no other that does not compile', async () => {
    const broken = policy('old', { validations: [{ expression: 'object.x +' }] })
    const metadata = { ...broken.metadata, uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z', generation: 1 }
    const key = '/registry/admissionregistration.k8s.io/validatingadmissionpolicies/old'
    const kind = { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicy' }
    await api.store.write({ key, expect: 0, object: { ...kind, ...broken, metadata } as never })
    const path = `${GROUP}/validatingadmissionpolicies/old`
    const labelled = await api.patch('merge', path, { metadata: { labels: { a: 'b' } } })
    assert.equal(labelled.status, 200, JSON.stringify(labelled.body))
    const validations = [{ expression: 'object.x +' }, { expression: 'object.y +' }]
    const changed = await api.patch('merge', path, { spec: { validations } })
    assert.equal(changed.status, 422)
    assert.deepEqual(
      changed.body.details.causes.map(({ field }: Json) => field),
      ['spec.validations[1].expression'],
    )
  })
})

describe('what a policy leaves behind', () => {
  it('is a note in the audit log for failures, and the annotations that it asks for', async () => {
    await apply(
      'noted',
      {
        validations: [{ expression: 'true' }, { expression: "'colour' in object.data", message: 'no colour' }],
        auditAnnotations: [
          { key: 'size', valueExpression: "'of ' + string(size(object.data))" },
          { key: 'none', valueExpression: 'null' },
        ],
      },
      { validationActions: ['Audit'] },
    )
    audited.length = 0
    assert.equal((await create('one', { a: 'b' })).status, 201)
    const { annotations } = audited.at(-1)
    assert.equal(annotations['noted/size'], 'of 1')
    assert.equal(annotations['noted/none'], undefined)
    assert.deepEqual(JSON.parse(annotations['validation.policy.admission.k8s.io/validation_failure']), [
      {
        message: 'no colour',
        policy: 'noted',
        binding: 'noted-binding',
        expressionIndex: 1,
        validationActions: ['Audit'],
      },
    ])
  })

  it('is a refusal, whatever its actions, where an annotation cannot be computed', async () => {
    const auditAnnotations = [{ key: 'size', valueExpression: 'string(object.data.missing)' }]
    await apply('unmade', { auditAnnotations }, { validationActions: ['Audit'] })
    assert.match((await create('one', { a: 'b' })).body.message, /resulted in error: no such key: missing$/)
  })

  it('is counted by what was done about it', async () => {
    await apply('counted', { validations: [{ expression: 'false' }] }, { validationActions: ['Deny', 'Audit'] })
    await create('one')
    const metrics = String((await api.get('/metrics')).body)
    for (const action of ['deny', 'audit']) {
      const labels = `policy="counted",policy_binding="counted-binding",error_type="no_error",enforcement_action="${action}"`
      assert.ok(metrics.includes(`apiserver_validating_admission_policy_check_total{${labels}} 1`), action)
    }
  })
})
