import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import type { UserInfo } from '../../../api/wire.ts'
import { configMap, deployment, type Json, pod, testApi, withDefaultAccount } from '../../test-api.ts'
import { type Answering, closedPort, type TestWebhook, testWebhook } from '../../webhooks/test-webhook.ts'

const api = await testApi()
await withDefaultAccount(api)
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1'
const MAPS = '/api/v1/namespaces/default/configmaps'
const open: TestWebhook[] = []

afterEach(async () => {
  for (const kind of ['mutating', 'validating']) await api.delete(`${WEBHOOKS}/${kind}webhookconfigurations`)
  for (const one of open.splice(0)) await one.close()
})
after(() => api.close())

const allow = (review: Json, more: object = {}) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: review.request.uid, allowed: true, ...more },
})
const deny = (review: Json, status?: object) => allow(review, { allowed: false, ...(status ? { status } : {}) })
const patch = (review: Json, operations: object[]) =>
  allow(review, {
    patchType: 'JSONPatch',
    patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
  })

const ALL_MAPS = { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] }

type Hook = { answering: Answering } & Record<string, unknown>

async function configure(kind: 'Mutating' | 'Validating', name: string, ...hooks: Hook[]): Promise<TestWebhook[]> {
  const made: TestWebhook[] = []
  const webhooks: object[] = []
  for (const { answering, ...spec } of hooks) {
    const server = await testWebhook(answering)
    made.push(server)
    open.push(server)
    webhooks.push({
      name: `hook${webhooks.length}.example.com`,
      clientConfig: { url: `https://127.0.0.1:${server.port}/${name}`, caBundle: server.caBundle },
      rules: [ALL_MAPS],
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      ...spec,
    })
  }
  const { status, body } = await api.post(`${WEBHOOKS}/${kind.toLowerCase()}webhookconfigurations`, {
    metadata: { name },
    webhooks,
  })
  assert.equal(status, 201, JSON.stringify(body))
  return made
}

describe('what a webhook is told', () => {
  it('is an AdmissionReview with the request, the user, the object and the options', async () => {
    const [hook] = await configure('Validating', 'told', { answering: (review) => allow(review) })
    const user: UserInfo = { name: 'ann', uid: '7', groups: ['system:masters'], extra: { team: ['blue'] } }
    const made = await api.post(`${MAPS}?fieldManager=me`, configMap('told', { a: 'b' }), { user })
    assert.equal(made.status, 201)
    const { apiVersion, kind, request } = hook!.reviews[0]
    assert.equal(`${apiVersion} ${kind}`, 'admission.k8s.io/v1 AdmissionReview')
    const { object, uid, ...rest } = request
    assert.match(uid, /^[0-9a-f-]{36}$/)
    assert.equal(object.metadata.uid, made.body.metadata.uid)
    assert.deepEqual(object.data, { a: 'b' })
    assert.deepEqual(rest, {
      kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
      requestResource: { group: '', version: 'v1', resource: 'configmaps' },
      name: 'told',
      namespace: 'default',
      operation: 'CREATE',
      userInfo: { username: 'ann', uid: '7', groups: ['system:masters'], extra: { team: ['blue'] } },
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'me' },
    })
  })

  it('is the old and the new object of an update, and only the old one of a delete', async () => {
    const operations = ['UPDATE', 'DELETE']
    const [hook] = await configure('Validating', 'changes', {
      answering: (review) => allow(review),
      rules: [{ ...ALL_MAPS, operations }],
    })
    await api.post(MAPS, configMap('changing'))
    await api.patch('merge', `${MAPS}/changing`, { data: { a: 'b' } })
    await api.delete(`${MAPS}/changing?gracePeriodSeconds=0`)
    const [update, removal] = hook!.reviews.map((review) => review.request)
    assert.deepEqual([update.operation, update.object.data, update.oldObject.data], ['UPDATE', { a: 'b' }, undefined])
    assert.equal(update.options.kind, 'UpdateOptions')
    assert.deepEqual([removal.operation, removal.object, removal.oldObject.data], ['DELETE', null, { a: 'b' }])
    assert.deepEqual(removal.options, { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1', gracePeriodSeconds: 0 })
  })

  it('has neither uid nor generated name while the object is still being changed', async () => {
    const [hook] = await configure('Mutating', 'generated', { answering: (review) => allow(review) })
    const made = await api.post(MAPS, { metadata: { generateName: 'some-' } })
    assert.match(made.body.metadata.name, /^some-/)
    const { name, object } = hook!.reviews[0].request
    assert.equal(name, undefined)
    const { managedFields, ...metadata } = object.metadata
    assert.deepEqual(metadata, { generateName: 'some-', namespace: 'default' })
    assert.equal(managedFields.length, 1)
  })

  it('is the shape of the subresource: Scale, Binding, Eviction, PodExecOptions', async () => {
    const resources = ['deployments/scale', 'pods/binding', 'pods/eviction']
    const rules = [{ apiGroups: ['*'], apiVersions: ['*'], resources, operations: ['*'] }]
    const [hook] = await configure('Validating', 'shapes', { answering: (review) => allow(review), rules })
    await api.post('/apis/apps/v1/namespaces/default/deployments', deployment('web'))
    await api.patch('merge', '/apis/apps/v1/namespaces/default/deployments/web/scale', { spec: { replicas: 3 } })
    await api.post('/api/v1/namespaces/default/pods', pod('shaped'))
    await api.post('/api/v1/namespaces/default/pods/shaped/binding', { target: { name: 'node1' } })
    await api.post('/api/v1/namespaces/default/pods/shaped/eviction', { metadata: { name: 'shaped' } })
    const seen = hook!.reviews.map(({ request }) => [request.operation, request.kind.kind, request.subResource])
    assert.deepEqual(seen, [
      ['UPDATE', 'Scale', 'scale'],
      ['CREATE', 'Binding', 'binding'],
      ['CREATE', 'Eviction', 'eviction'],
    ])
    const [scale, binding] = hook!.reviews.map(({ request }) => request)
    assert.equal(scale.object.spec.replicas, 3)
    assert.equal(scale.oldObject.spec.replicas, 1)
    assert.equal(scale.resource.resource, 'deployments')
    assert.equal(binding.object.target.name, 'node1')
  })

  it('is not sent for what configures admission', async () => {
    const everything = [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], operations: ['*'] }]
    const [hook] = await configure('Validating', 'lockout', { answering: (review) => deny(review), rules: everything })
    assert.equal((await api.post(MAPS, configMap('locked'))).status, 400)
    assert.equal((await api.delete(`${WEBHOOKS}/validatingwebhookconfigurations/lockout`)).status, 200)
    assert.equal(hook!.reviews.length, 1)
  })
})

describe('a refusal', () => {
  it('is told in the webhook’s name with its message, reason and code', async () => {
    await configure('Validating', 'refusing', {
      answering: (review) => deny(review, { message: 'not on Fridays', code: 403, reason: 'Forbidden' }),
    })
    const { status, body } = await api.post(MAPS, configMap('refused'))
    assert.equal(status, 403)
    assert.equal(body.message, 'admission webhook "hook0.example.com" denied the request: not on Fridays')
    assert.equal(body.reason, 'Forbidden')
  })

  it('without a word is a BadRequest without explanation', async () => {
    await configure('Validating', 'mute', { answering: (review) => deny(review) })
    const { status, body } = await api.post(MAPS, configMap('refused'))
    assert.equal(status, 400)
    assert.equal(body.message, 'admission webhook "hook0.example.com" denied the request without explanation')
  })

  it('meets updates that change nothing too', async () => {
    await api.post(MAPS, configMap('still'))
    await configure('Validating', 'still', { answering: (review) => deny(review) })
    assert.equal((await api.patch('merge', `${MAPS}/still`, {})).status, 400)
  })

  it('meets each object of a deletecollection', async () => {
    await api.post(MAPS, configMap('kept', {}, { labels: { keep: 'yes' } }))
    const rules = [{ ...ALL_MAPS, operations: ['DELETE'] }]
    const keep = { matchLabels: { keep: 'yes' } }
    await configure('Validating', 'keep', { answering: (review) => deny(review), rules, objectSelector: keep })
    assert.equal((await api.delete(`${MAPS}?labelSelector=keep`)).status, 400)
    assert.equal((await api.get(`${MAPS}/kept`)).status, 200)
  })
})

describe('a webhook that changes', () => {
  it('patches the object, which is defaulted and pruned again', async () => {
    const rules = [{ ...ALL_MAPS, resources: ['pods'] }]
    const container = { name: 'added', image: 'busybox', noSuchField: 1 }
    await configure('Mutating', 'init', {
      answering: (review) => patch(review, [{ op: 'add', path: '/spec/initContainers', value: [container] }]),
      rules,
    })
    const { body } = await api.post('/api/v1/namespaces/default/pods', pod('init'))
    const [init] = body.spec.initContainers
    assert.equal(init.terminationMessagePolicy, 'File')
    assert.equal('noSuchField' in init, false)
  })

  it('sees what the one before it left: by configuration name, then by position', async () => {
    const add = (key: string, needed?: string): Answering => {
      return (review) => {
        const { data = {} } = review.request.object
        if (needed && !(needed in data)) return allow(review)
        const map = { op: 'add', path: '/data', value: { ...data, [key]: 'yes' } }
        return patch(review, [map])
      }
    }
    await configure('Mutating', 'b-second', { answering: add('three', 'two') })
    await configure('Mutating', 'a-first', { answering: add('one') }, { answering: add('two', 'one') })
    const { body } = await api.post(MAPS, configMap('ordered'))
    assert.deepEqual(body.data, { one: 'yes', two: 'yes', three: 'yes' })
  })

  it('is asked again after another one changed the object when it wants to be, once', async () => {
    const first: Answering = (review) => allow(review)
    const second: Answering = (review) => patch(review, [{ op: 'add', path: '/data', value: { by: 'second' } }])
    const [again, changing] = await configure(
      'Mutating',
      'again',
      { answering: first, reinvocationPolicy: 'IfNeeded' },
      { answering: second },
    )
    await api.post(MAPS, configMap('again'))
    assert.equal(again!.reviews.length, 2)
    assert.deepEqual(again!.reviews[1].request.object.data, { by: 'second' })
    assert.equal(changing!.reviews.length, 1)
  })

  it('can’t change what only the server sets', async () => {
    await configure('Mutating', 'forging', {
      answering: (review) =>
        patch(review, [
          { op: 'add', path: '/metadata/uid', value: 'forged' },
          { op: 'add', path: '/metadata/labels', value: { a: 'b' } },
        ]),
    })
    const { body } = await api.post(MAPS, configMap('forged'))
    assert.notEqual(body.metadata.uid, 'forged')
    assert.deepEqual(body.metadata.labels, { a: 'b' })
    const updated = await api.patch('merge', `${MAPS}/forged`, { data: { x: 'y' } })
    assert.equal(updated.body.metadata.uid, body.metadata.uid)
  })

  it('is refused a patch of an object that there isn’t', async () => {
    const rules = [{ ...ALL_MAPS, operations: ['DELETE'] }]
    await api.post(MAPS, configMap('leaving'))
    await configure('Mutating', 'leaving', {
      answering: (review) => patch(review, [{ op: 'add', path: '/data', value: {} }]),
      rules,
    })
    const { status, body } = await api.delete(`${MAPS}/leaving`)
    assert.equal(status, 500)
    assert.match(body.message, /"hook0.example.com" attempted to modify the object, which is not supported/)
  })

  it('leaves objects that are invalid to validation', async () => {
    await configure('Mutating', 'breaking', {
      answering: (review) => patch(review, [{ op: 'add', path: '/data', value: { 'bad key': 'x' } }]),
    })
    assert.equal((await api.post(MAPS, configMap('broken'))).status, 422)
  })

  it('changes the number of a scale', async () => {
    const rules = [{ apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments/scale'], operations: ['*'] }]
    await configure('Mutating', 'scaling', {
      answering: (review) => patch(review, [{ op: 'replace', path: '/spec/replicas', value: 5 }]),
      rules,
    })
    const base = '/apis/apps/v1/namespaces/default/deployments'
    await api.post(base, deployment('scaled'))
    await api.patch('merge', `${base}/scaled/scale`, { spec: { replicas: 2 } })
    assert.equal((await api.get(`${base}/scaled`)).body.spec.replicas, 5)
  })
})

describe('which requests a webhook is asked about', () => {
  it('follows updates of its configuration at once', async () => {
    await configure('Validating', 'fickle', { answering: (review) => deny(review) })
    const path = `${WEBHOOKS}/validatingwebhookconfigurations/fickle`
    const operations = (list: string[]) => [{ op: 'replace', path: '/webhooks/0/rules/0/operations', value: list }]
    await api.patch('json', path, operations(['UPDATE']))
    assert.equal((await api.post(MAPS, configMap('fickle'))).status, 201)
    await api.patch('json', path, operations(['CREATE']))
    assert.equal((await api.post(MAPS, configMap('fickle2'))).status, 400)
  })

  it('is chosen by the labels of the namespace and of the object, old or new', async () => {
    await api.post('/api/v1/namespaces', { metadata: { name: 'exempt', labels: { exempt: 'yes' } } })
    const namespaceSelector = { matchExpressions: [{ key: 'exempt', operator: 'DoesNotExist' }] }
    const objectSelector = { matchLabels: { watched: 'yes' } }
    await configure('Validating', 'selective', {
      answering: (review) => deny(review),
      namespaceSelector,
      objectSelector,
    })
    const watched = configMap('selected', {}, { labels: { watched: 'yes' } })
    assert.equal((await api.post('/api/v1/namespaces/exempt/configmaps', watched)).status, 201)
    assert.equal((await api.post(MAPS, configMap('unlabelled'))).status, 201)
    assert.equal((await api.post(MAPS, watched)).status, 400)
    const labelled = { metadata: { labels: { watched: 'yes' } } }
    assert.equal((await api.patch('merge', `${MAPS}/unlabelled`, labelled)).status, 400)
  })

  it('takes a Namespace’s own labels, as they will be', async () => {
    const rules = [{ ...ALL_MAPS, resources: ['namespaces'], scope: 'Cluster' }]
    const namespaceSelector = { matchLabels: { guarded: 'yes' } }
    const [hook] = await configure('Validating', 'own', {
      answering: (review) => deny(review),
      rules,
      namespaceSelector,
    })
    const made = (name: string, labels: object) => api.post('/api/v1/namespaces', { metadata: { name, labels } })
    assert.equal((await made('unguarded', {})).status, 201)
    assert.equal((await made('guarded', { guarded: 'yes' })).status, 400)
    assert.equal(hook!.reviews[0].request.namespace, 'guarded')
  })

  it('counts equivalent resources unless it wants exact ones', async () => {
    const rules = [{ ...ALL_MAPS, apiGroups: [''], resources: ['events'] }]
    const event = {
      metadata: { name: 'e' },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'x/y',
      reportingInstance: 'i',
      action: 'a',
      reason: 'r',
      type: 'Normal',
      regarding: { kind: 'Pod', name: 'p', namespace: 'default' },
    }
    const exact: Hook = { answering: (review) => allow(review), rules, matchPolicy: 'Exact' }
    const [equivalent, exactly] = await configure(
      'Validating',
      'events',
      { answering: (review) => allow(review), rules },
      exact,
    )
    const made = await api.post('/apis/events.k8s.io/v1/namespaces/default/events', event)
    assert.equal(made.status, 201, JSON.stringify(made.body))
    assert.equal(exactly!.reviews.length, 0)
    const { request } = equivalent!.reviews[0]
    assert.deepEqual(request.resource, { group: '', version: 'v1', resource: 'events' })
    assert.deepEqual(request.requestResource, { group: 'events.k8s.io', version: 'v1', resource: 'events' })
    assert.equal(request.object.involvedObject.name, 'p')
  })
})

describe('a webhook that can’t be asked', () => {
  const unreachable = async (kind: 'Mutating' | 'Validating', failurePolicy: string) => {
    const url = `https://127.0.0.1:${await closedPort()}/gone`
    await configure(kind, 'gone', { answering: () => ({}), clientConfig: { url }, failurePolicy })
    return url.slice('https://'.length, -'/gone'.length)
  }

  it('fails the request with policy Fail, whoever it is', async () => {
    for (const kind of ['Mutating', 'Validating'] as const) {
      const at = await unreachable(kind, 'Fail')
      const { status, body } = await api.post(MAPS, configMap('failing'))
      assert.equal(status, 500)
      assert.equal(
        body.message,
        `Internal error occurred: failed calling webhook "hook0.example.com": failed to call webhook: Post "https://${at}/gone?timeout=10s": dial tcp ${at}: connect: connection refused`,
      )
      await api.delete(`${WEBHOOKS}/${kind.toLowerCase()}webhookconfigurations/gone`)
    }
  })

  it('is passed over with policy Ignore', async () => {
    await unreachable('Mutating', 'Ignore')
    assert.equal((await api.post(MAPS, configMap('ignored'))).status, 201)
  })

  it('is given its own time and no more', async () => {
    let reached = () => {}
    const waits: Answering = () => {
      reached()
      return new Promise(() => undefined)
    }
    await configure('Validating', 'slow', { answering: waits, timeoutSeconds: 1 })
    const arrived = new Promise<void>((resolve) => {
      reached = resolve
    })
    const request = api.post(MAPS, configMap('slow'))
    await arrived
    await api.clock.advance(1000)
    const { status, body } = await request
    assert.equal(status, 500)
    assert.match(body.message, /\?timeout=1s": context deadline exceeded$/)
  })

  it('answers wrongly: another uid, a patch where none may be', async () => {
    const answers: [Answering, RegExp][] = [
      [() => ({ kind: 'AdmissionReview' }), /received invalid webhook response: webhook response was absent$/],
      [(review) => allow(review, { uid: 'x' }), /expected response.uid="[0-9a-f-]{36}", got "x"$/],
      [(review) => patch(review, []), /validating webhook may not return response.patch$/],
    ]
    for (const [answering, expected] of answers) {
      await configure('Validating', 'wrong', { answering })
      const { status, body } = await api.post(MAPS, configMap('wrong'))
      assert.equal(status, 500)
      assert.match(body.message, expected)
      await api.delete(`${WEBHOOKS}/validatingwebhookconfigurations/wrong`)
    }
  })
})

describe('dry runs, warnings and numbers', () => {
  it('asks webhooks without side effects also in a dry run, and says so', async () => {
    const [hook] = await configure('Mutating', 'dry', { answering: (review) => allow(review) })
    assert.equal((await api.post(`${MAPS}?dryRun=All`, configMap('dry'))).status, 201)
    assert.equal(hook!.reviews[0].request.dryRun, true)
    assert.deepEqual(hook!.reviews[0].request.options.dryRun, ['All'])
  })

  it('hands warnings on to the client', async () => {
    await configure('Validating', 'warning', { answering: (review) => allow(review, { warnings: ['mind the gap'] }) })
    const { headers } = await api.post(MAPS, configMap('warned'))
    assert.equal(headers['warning'], '299 - "mind the gap"')
  })

  it('counts calls and rejections under the standard names', async () => {
    await configure('Validating', 'counted', { answering: (review) => deny(review, { code: 403 }) })
    await api.post(MAPS, configMap('counted'))
    const { body } = await api.get('/metrics')
    assert.match(
      body,
      /apiserver_admission_webhook_rejection_count\{name="hook0.example.com",type="validating",operation="CREATE",error_type="no_error",rejection_code="403"\} \d/,
    )
    assert.match(body, /apiserver_admission_webhook_admission_duration_seconds_count\{name="hook0.example.com"/)
  })
})
