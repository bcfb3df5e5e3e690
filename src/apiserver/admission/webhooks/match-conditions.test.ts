import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { configMap, type Json, testApi } from '../../test-api.ts'
import { type TestWebhook, testWebhook } from '../../webhooks/test-webhook.ts'

const api = await testApi()
const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
const MAPS = '/api/v1/namespaces/default/configmaps'
let hook: TestWebhook | undefined

afterEach(async () => {
  await api.delete(CONFIGURATIONS)
  await hook?.close()
})
after(() => api.close())

async function guard(expressions: string[], failurePolicy = 'Fail', rule: object = {}): Promise<TestWebhook> {
  const deny = (review: Json) => ({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: review.request.uid, allowed: false },
  })
  hook = await testWebhook(deny)
  const rules = [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['configmaps'], operations: ['*'], ...rule }]
  const { status, body } = await api.post(CONFIGURATIONS, {
    metadata: { name: 'guard' },
    webhooks: [
      {
        name: 'guard.example.com',
        clientConfig: { url: `https://127.0.0.1:${hook.port}/`, caBundle: hook.caBundle },
        rules,
        matchConditions: expressions.map((expression, i) => ({ name: `c${i}`, expression })),
        failurePolicy,
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  })
  assert.equal(status, 201, JSON.stringify(body))
  return hook
}
const made = async (name: string, data: Record<string, string> = {}) =>
  (await api.post(MAPS, configMap(name, data))).status

describe('match conditions', () => {
  it('all have to hold before the webhook is asked', async () => {
    const one = await guard(["has(object.data) && object.data['guarded'] == 'yes'", "request.operation == 'CREATE'"])
    assert.equal(await made('a', { guarded: 'no' }), 201)
    assert.equal(one.reviews.length, 0)
    assert.equal(await made('b', { guarded: 'yes' }), 400)
  })

  it('may look at the user, the old object and what the user may do', async () => {
    await made('old', { state: 'frozen' })
    await guard([
      "oldObject != null && oldObject.data['state'] == 'frozen'",
      "!('system:nodes' in request.userInfo.groups)",
      "authorizer.group('').resource('configmaps').namespace('default').check('delete').allowed()",
      "authorizer.requestResource.check('update').allowed()",
    ])
    assert.equal((await api.patch('merge', `${MAPS}/old`, { data: { state: 'thawed' } })).status, 400)
  })

  it('that can’t be evaluated refuse the request, or leave the webhook out, as its policy says', async () => {
    await guard(['object.data.missing == "x"'])
    const { status, body } = await api.post(MAPS, configMap('error', { other: '1' }))
    assert.equal(status, 403)
    assert.match(
      body.message,
      /^configmaps "error" is forbidden: expression 'object.data.missing == "x"' resulted in error: /,
    )
    await api.delete(CONFIGURATIONS)
    await hook?.close()
    await guard(['object.data.missing == "x"'], 'Ignore')
    assert.equal(await made('ignored', { other: '1' }), 201)
  })

  it('that don’t compile, or say anything but yes or no, are refused with their configuration', async () => {
    for (const expression of ['object.', 'nothing == 1', "'text'"]) {
      const { status, body } = await api.post(CONFIGURATIONS, {
        metadata: { name: 'bad' },
        webhooks: [
          {
            name: 'bad.example.com',
            clientConfig: { url: 'https://127.0.0.1/' },
            matchConditions: [{ name: 'c', expression }],
            sideEffects: 'None',
            admissionReviewVersions: ['v1'],
          },
        ],
      })
      assert.equal(status, 422, expression)
      assert.equal(body.details.causes[0].field, 'webhooks[0].matchConditions[0].expression')
    }
  })
})
