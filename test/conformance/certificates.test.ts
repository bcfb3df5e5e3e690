// A request for a certificate from its making to its use: approved by people or, for nodes that join, by itself; signed; then the
// certificate opens the door. With kube-apiserver's messages where something isn't allowed.
import assert from 'node:assert/strict'
import { generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto'
import { after, test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import '../../src/base/reflect-metadata.ts'
import { createClient } from '../../src/client/api-client.ts'
import { createEventRecorder } from '../../src/client/event-recorder.ts'
import { inProcessTransport } from '../../src/client/in-process-transport.ts'
import { createCache } from '../../src/client/informer-cache.ts'
import { csrApproving } from '../../src/controllers/certificates/csr-approving.ts'
import { csrSigning } from '../../src/controllers/certificates/csr-signing.ts'
import { runControllers } from '../../src/controllers/runner.ts'
import { conformanceServer, type Json } from './server.ts'

const x509 = await import('@peculiar/x509')
const api = await conformanceServer()
const stop = new AbortController()
const ctx = { signal: stop.signal, log: silentLogger }
const user = { name: 'system:kube-controller-manager', groups: ['system:masters'] }
const client = createClient(inProcessTransport(api.server.handler, { user, userAgent: 'test' }), {
  fieldManager: 'test',
})
const deps = {
  client,
  cache: createCache(ctx, client, systemClock),
  clock: systemClock,
  events: createEventRecorder(ctx, client, systemClock, { component: 'test' }),
}
const running = runControllers(ctx, deps, [csrApproving, csrSigning(api.pki.authority)])
after(async () => {
  stop.abort()
  await running
  await api.close()
})

const CSRS = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
const KUBELET = 'kubernetes.io/kube-apiserver-client-kubelet'

async function request(subject: string, type: 'ec' | 'rsa' = 'ec', names: { dns?: string } = {}) {
  const made =
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = made.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const algorithm =
    type === 'ec'
      ? { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
      : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  const privateKey = await webcrypto.subtle.importKey(
    'pkcs8',
    made.privateKey.export({ type: 'pkcs8', format: 'der' }),
    algorithm,
    false,
    ['sign'],
  )
  const publicKey = await webcrypto.subtle.importKey(
    'spki',
    made.publicKey.export({ type: 'spki', format: 'der' }),
    algorithm,
    true,
    ['verify'],
  )
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subject,
    keys: { privateKey, publicKey },
    signingAlgorithm: algorithm,
    extensions: names.dns ? [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: names.dns }])] : [],
  })
  return { key, request: Buffer.from(csr.toString('pem')).toString('base64') }
}

const approve = async (name: string, options: object = {}, type = 'Approved') => {
  const { body } = await api.get(`${CSRS}/${name}`)
  body.status.conditions = [...(body.status.conditions ?? []), { type, status: 'True', reason: 'ByTest' }]
  return api.put(`${CSRS}/${name}/approval`, body, options)
}

/** The object once it says so; by a watch from its beginning. */
async function until(name: string, says: (csr: Json) => boolean): Promise<Json> {
  const watch = await api.watch(`${CSRS}?fieldSelector=metadata.name%3D${name}&resourceVersion=0`)
  try {
    for (;;) {
      const { object } = await watch.next()
      if (says(object)) return object
    }
  } finally {
    watch.stop()
  }
}
const issued = (csr: Json) => csr.status.certificate !== undefined
const who = async (options: object) =>
  (await api.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, options)).body.status?.userInfo

for (const type of ['ec', 'rsa'] as const) {
  test(`an approved request becomes a certificate that its holder is known by (${type})`, async () => {
    const { key, request: pem } = await request('O=dev+O=ops,CN=jane', type)
    const spec = {
      request: pem,
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
      expirationSeconds: 3600,
    }
    const name = `jane-${type}`
    assert.equal((await api.post(CSRS, { metadata: { name }, spec })).status, 201)
    const { body } = await approve(name)
    assert.match(body.status.conditions[0].lastUpdateTime, /^20/)
    const { status } = await until(name, issued)
    const cert = Buffer.from(status.certificate, 'base64').toString()
    const facts = new X509Certificate(cert)
    const seconds = (Date.parse(facts.validTo) - Date.now()) / 1000
    assert.ok(seconds > 3500 && seconds <= 3600, `${seconds}`)
    assert.deepEqual(facts.keyUsage, ['1.3.6.1.5.5.7.3.2'])
    assert.equal(facts.ca, false)
    const info = await who({ certificate: { cert, key } })
    assert.equal(info.username, 'jane')
    assert.deepEqual(info.groups.sort(), ['dev', 'ops', 'system:authenticated'])
  })
}

test('a joining node gets its certificate without anybody, once its group may', async () => {
  await api.post('/api/v1/namespaces/kube-system/secrets', {
    metadata: { name: 'bootstrap-token-abcdef' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-authentication': 'true',
      'auth-extra-groups': 'system:bootstrappers:workers',
    },
  })
  const token = 'abcdef.0123456789abcdef'
  assert.deepEqual((await who({ token })).groups, [
    'system:bootstrappers',
    'system:bootstrappers:workers',
    'system:authenticated',
  ])
  const bind = (role: string) =>
    api.post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: `join-${role.split(':').pop()}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:bootstrappers:workers' }],
    })
  const { key, request: pem } = await request('O=system:nodes,CN=system:node:n9')
  const spec = { request: pem, signerName: KUBELET, usages: ['digital signature', 'client auth'] }
  const made = { metadata: { name: 'n9' }, spec }
  assert.equal((await api.post(CSRS, made, { token })).status, 403)
  await bind('system:node-bootstrapper')
  const { body } = await api.post(CSRS, made, { token })
  assert.equal(body.spec.username, 'system:bootstrap:abcdef')
  await bind('system:certificates.k8s.io:certificatesigningrequests:nodeclient')
  const { status } = await until('n9', issued)
  assert.deepEqual(
    [status.conditions[0].reason, status.conditions[0].message],
    ['AutoApproved', 'Auto approving kubelet client certificate after SubjectAccessReview.'],
  )
  const cert = Buffer.from(status.certificate, 'base64').toString()
  assert.equal((await who({ certificate: { cert, key } })).username, 'system:node:n9')
})

test('what a signer does not sign fails, and says why', async () => {
  const { request: pem } = await request('O=system:nodes,CN=system:node:n1', 'ec', { dns: 'n1' })
  const spec = { request: pem, signerName: KUBELET, usages: ['digital signature', 'client auth'] }
  await api.post(CSRS, { metadata: { name: 'named' }, spec })
  await approve('named')
  const { status } = await until('named', (csr) => csr.status.conditions?.some((c: Json) => c.type === 'Failed'))
  const failed = status.conditions.find((c: Json) => c.type === 'Failed')
  assert.deepEqual([failed.reason, failed.message], ['SignerValidationFailure', 'DNS subjectAltNames are not allowed'])
  assert.equal(status.certificate, undefined)
})

test('approving, denying and signing take the right to the signer; nobody asks for masters', async () => {
  const { request: pem } = await request('O=dev,CN=joe')
  const spec = { request: pem, signerName: 'example.com/own', usages: ['client auth'] }
  await api.post(CSRS, { metadata: { name: 'joe' }, spec })
  await api.post('/apis/rbac.authorization.k8s.io/v1/clusterroles', {
    metadata: { name: 'csr-writer' },
    rules: [{ apiGroups: ['certificates.k8s.io'], resources: ['*'], verbs: ['get', 'update'] }],
  })
  await api.post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'csr-writer' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'csr-writer' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'writer' }],
  })
  const refused = await approve('joe', { as: 'writer' })
  assert.equal(
    refused.body.message,
    'certificatesigningrequests.certificates.k8s.io "joe" is forbidden: user not permitted to approve requests with signerName "example.com/own"',
  )
  const { body } = await api.get(`${CSRS}/joe`)
  body.status.certificate = Buffer.from(api.pki.admin.cert).toString('base64')
  const signed = await api.put(`${CSRS}/joe/status`, body, { as: 'writer' })
  assert.match(signed.body.message, /user not permitted to sign requests with signerName "example.com\/own"$/)
  assert.equal((await approve('joe', {}, 'Denied')).status, 200)
  assert.equal((await approve('joe')).status, 422, 'a decision stays')

  const { request: masters } = await request('O=system:masters,CN=root')
  const wanted = { request: masters, signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] }
  const root = await api.post(CSRS, { metadata: { name: 'root' }, spec: wanted })
  assert.equal(
    root.body.message,
    'certificatesigningrequests.certificates.k8s.io "root" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
  )
})
