import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { deployment, pod, testApi, withDefaultAccount } from '../../test-api.ts'
import { matters } from './pod-security.ts'

const api = await testApi()
after(() => api.close())
const LABEL = 'pod-security.kubernetes.io/'
const ESCALATION =
  'allowPrivilegeEscalation != false (container "app" must set securityContext.allowPrivilegeEscalation=false)'

async function namespace(name: string, levels: Record<string, string>) {
  const labels = Object.fromEntries(Object.entries(levels).map(([mode, level]) => [LABEL + mode, level]))
  const made = await api.post('/api/v1/namespaces', { metadata: { name, labels } })
  await withDefaultAccount(api, name)
  return made
}

test('a pod that violates the enforced level is refused, one that keeps to it is not', async () => {
  await namespace('strict', { enforce: 'restricted' })
  const refused = await api.post('/api/v1/namespaces/strict/pods', pod('x'))
  assert.equal(refused.status, 403)
  assert.ok(
    refused.body.message.startsWith(`pods "x" is forbidden: violates PodSecurity "restricted:latest": ${ESCALATION}, `),
    refused.body.message,
  )
  const context = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
  const good = pod('good', {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [{ name: 'app', image: 'nginx', securityContext: context }],
  })
  assert.equal((await api.post('/api/v1/namespaces/strict/pods', good)).status, 201)
  const debug = { spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox' }] } }
  const debugged = await api.patch('strategic', '/api/v1/namespaces/strict/pods/good/ephemeralcontainers', debug)
  assert.match(debugged.body.message, /violates PodSecurity .*container "debug" must set/)
})

test('a level that only warns lets pods in and says what is wrong, for templates of workloads too', async () => {
  await namespace('soft', { warn: 'baseline', audit: 'baseline' })
  const made = await api.post('/api/v1/namespaces/soft/pods', pod('x', { hostPID: true }))
  assert.equal(made.status, 201)
  assert.equal(
    made.headers['warning'],
    '299 - "would violate PodSecurity \\"baseline:latest\\": host namespaces (hostPID=true)"',
  )
  const web = deployment('web')
  Object.assign(web.spec.template.spec, { hostPID: true })
  const warned = await api.post('/apis/apps/v1/namespaces/soft/deployments', web)
  assert.equal(warned.status, 201)
  assert.match(warned.headers['warning']!, /would violate PodSecurity/)
})

test('a stricter label warns of the pods that are there', async () => {
  await namespace('growing', {})
  for (const name of ['b', 'a']) await api.post('/api/v1/namespaces/growing/pods', pod(name, { hostPID: true }))
  const labels = { [`${LABEL}enforce`]: 'baseline' }
  const changed = await api.patch('merge', '/api/v1/namespaces/growing', { metadata: { labels } })
  assert.equal(changed.status, 200)
  assert.equal(
    changed.headers['warning'],
    '299 - "existing pods in namespace \\"growing\\" violate the new PodSecurity enforce level \\"baseline:latest\\"", 299 - "a (and 1 other pod): host namespaces"',
  )
})

test('labels must be levels and versions', async () => {
  const refused = await namespace('odd', { enforce: 'strictest' })
  assert.equal(refused.status, 422)
  assert.equal(
    refused.body.message,
    'Namespace "odd" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strictest": must be one of privileged, baseline, restricted',
  )
})

test('of an update, new images and new containers matter', () => {
  const with_ = (image: string, more: object = {}) => pod('p', { containers: [{ name: 'a', image }], ...more }) as never
  assert.equal(matters(with_('i:1'), with_('i:1')), false)
  assert.equal(matters(with_('i:2'), with_('i:1')), true)
  assert.equal(matters(with_('i:1', { ephemeralContainers: [{ name: 'd', image: 'x' }] }), with_('i:1')), true)
})
