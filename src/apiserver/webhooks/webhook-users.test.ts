import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { ConfigurationError, parseAdmissionConfiguration } from '../admission/configuration.ts'
import { configMap, type Json, testApi } from '../test-api.ts'
import { testWebhook } from './test-webhook.ts'
import { credentialsFor, parseWebhookUsers } from './webhook-users.ts'

const fail = (field: string, why: string) => new Error(`${field}: ${why}`)
const user = (name: string, token = name) => ({ name, user: { token } })

describe('users for webhooks', () => {
  it('are found by the name of the target, by its domains, without the port 443, and at last by default', () => {
    const users = parseWebhookUsers(
      {
        users: [
          user('exact.ns.svc:8443'),
          user('*.ns.svc'),
          user('*.example.com'),
          user('hook.example.com'),
          user('current'),
        ],
        contexts: [{ name: 'c', context: { user: 'current' } }],
        'current-context': 'c',
      },
      () => '',
      fail,
    )
    const found = (target: string) => credentialsFor(users, target)?.token
    assert.equal(found('exact.ns.svc:8443'), 'exact.ns.svc:8443')
    assert.equal(found('other.ns.svc:443'), '*.ns.svc')
    assert.equal(found('other.ns.svc:8443'), 'current')
    assert.equal(found('hook.example.com:443'), 'hook.example.com')
    assert.equal(found('a.b.example.com:443'), '*.example.com')
    assert.equal(
      credentialsFor(
        parseWebhookUsers({ users: [user('x')] }, () => '', fail),
        'y:443',
      ),
      undefined,
    )
    const star = parseWebhookUsers({ users: [user('*', 'all')] }, () => '', fail)
    assert.equal(credentialsFor(star, 'y:443')?.token, 'all')
  })

  it('have certificates and tokens in the file or in files it names, or a name and a password', () => {
    const data = Buffer.from('CERT').toString('base64')
    const kubeconfig = {
      users: [
        { name: 'a', user: { 'client-certificate-data': data, 'client-key': 'key.pem' } },
        { name: 'b', user: { tokenFile: 'token' } },
        { name: 'c', user: { username: 'me', password: 'x' } },
      ],
    }
    const { byName } = parseWebhookUsers(kubeconfig, (path) => `<${path}>\n`, fail)
    assert.deepEqual(byName.get('a'), { cert: 'CERT', key: '<key.pem>\n' })
    assert.deepEqual(byName.get('b'), { token: '<token>' })
    assert.deepEqual(byName.get('c'), { basic: 'me:x' })
    assert.throws(
      () => parseWebhookUsers({ users: [{ user: {} }] }, () => '', fail),
      /users\[0\]\.name: must be a text/,
    )
    const exec = { users: [{ name: 'd', user: { exec: {} } }] }
    assert.throws(() => parseWebhookUsers(exec, () => '', fail), /users\[0\]\.user\.exec: is not supported/)
  })

  it('come from the admission configuration, and webhooks are called as them', async () => {
    const configuration = (kubeConfigFile: string) => ({
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AdmissionConfiguration',
      plugins: [
        {
          name: 'ValidatingAdmissionWebhook',
          configuration: {
            apiVersion: 'apiserver.config.k8s.io/v1',
            kind: 'WebhookAdmissionConfiguration',
            kubeConfigFile,
          },
        },
      ],
    })
    const files = { yaml: () => ({ users: [user('127.0.0.1:*'), user('*', 'secret')] }), text: () => '' }
    assert.throws(
      () => parseAdmissionConfiguration(configuration('relative'), files),
      (err: Error) =>
        err instanceof ConfigurationError && /kubeConfigFile: must be an absolute file path/.test(err.message),
    )
    const configurations = parseAdmissionConfiguration(configuration('/etc/kubeconfig'), files)
    const api = await testApi({ admission: { enabled: [], disabled: [], configurations } })
    after(() => api.close())
    const hook = await testWebhook((review: Json) => ({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: review.request.uid, allowed: true },
    }))
    after(() => hook.close())
    await api.post('/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', {
      metadata: { name: 'one' },
      webhooks: [
        {
          name: 'one.example.com',
          clientConfig: { url: `https://127.0.0.1:${hook.port}/`, caBundle: hook.caBundle },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }],
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
        },
      ],
    })
    assert.equal((await api.post('/api/v1/namespaces/default/configmaps', configMap('a'))).status, 201)
    assert.equal(hook.requests[0]?.headers.authorization, 'Bearer secret')
  })
})
