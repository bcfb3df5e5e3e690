// Web services of the cluster's own, served by a pod behind a Service: admission webhooks that change and refuse, a conversion webhook,
// and an aggregated API. The pod runs this machine's node program; script and certificate come from a ConfigMap and a Secret.
import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createAuthority, issueCertificate } from '../../src/base/certificates.ts'
import { type Cluster, clusterOn, until } from './cluster.ts'
import { type Host, startHost } from './host.ts'
import { kubectls } from './kubectl.ts'

let host: Host
let cluster: Cluster
let caBundle: string
before(async () => {
  host = startHost('webhooks')
  cluster = clusterOn(host, kubectls().at(-1)!.path)
  const { code, stderr } = await cluster.skiff('up')
  assert.equal(code, 0, stderr)
  const nowMs = Date.now()
  const authority = await createAuthority('hooks', 3600_000, nowMs)
  const pair = await issueCertificate(
    authority,
    { commonName: 'hook', dnsNames: ['hook.default.svc'], addresses: [], usages: ['server'], lifetimeMs: 3600_000 },
    nowMs,
  )
  caBundle = Buffer.from(authority.cert).toString('base64')
  await cluster.apply(server(pair))
  await cluster.kubectl('wait --for=condition=Ready pod/hook --timeout=60s', { timeoutMs: 70_000 })
})
after(async () => {
  await cluster?.skiff('down', '--purge')
  host?.stop()
})

const SCRIPT = `
const { createServer } = require('node:https')
const { readFileSync } = require('node:fs')
const answers = {
  '/mutate': ({ request }) => ({
    kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1',
    response: {
      uid: request.uid, allowed: true, patchType: 'JSONPatch',
      patch: Buffer.from(JSON.stringify([{ op: 'add', path: '/data/mutated', value: 'yes' }])).toString('base64'),
    },
  }),
  '/validate': ({ request }) => ({
    kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1',
    response: { uid: request.uid, allowed: request.object.data.bad !== 'yes', status: { message: 'it is bad' } },
  }),
  '/convert': ({ request }) => ({
    kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1',
    response: {
      uid: request.uid, result: { status: 'Success' },
      convertedObjects: request.objects.map((o) => ({ ...o, apiVersion: request.desiredAPIVersion, size: o.size + 1 })),
    },
  }),
}
const meta = { name: 'fish', creationTimestamp: '2026-01-01T00:00:00Z', uid: 'u', resourceVersion: '1' }
const pages = {
  '/apis/sea.example.com/v1': {
    kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'sea.example.com/v1',
    resources: [{ name: 'fishes', singularName: 'fish', namespaced: false, kind: 'Fish', verbs: ['get', 'list'] }],
  },
  '/apis/sea.example.com/v1/fishes/fish': { kind: 'Fish', apiVersion: 'sea.example.com/v1', metadata: meta },
}
createServer({ cert: readFileSync('/tls/tls.crt'), key: readFileSync('/tls/tls.key') }, async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const path = request.url.split('?')[0]
  const answer = chunks.length ? answers[path]?.(JSON.parse(Buffer.concat(chunks))) : pages[path]
  response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' })
  response.end(JSON.stringify(answer ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404 }))
}).listen(8443)
`

const indented = (text: string, by: string) => text.replace(/^/gm, by)
const base64 = (text: string) => Buffer.from(text).toString('base64')

const server = ({ cert, key }: { cert: string; key: string }) => `apiVersion: v1
kind: Secret
metadata: { name: hook }
type: kubernetes.io/tls
data: { tls.crt: ${base64(cert)}, tls.key: ${base64(key)} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: hook }
data:
  server.cjs: |
${indented(SCRIPT, '    ')}
---
apiVersion: v1
kind: Service
metadata: { name: hook }
spec: { selector: { app: hook }, ports: [{ port: 443, targetPort: 8443 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: hook, labels: { app: hook } }
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: busybox:latest
    imagePullPolicy: IfNotPresent
    command: [/node/node, /app/server.cjs]
    readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 1 }
    volumeMounts:
    - { name: app, mountPath: /app }
    - { name: tls, mountPath: /tls }
    - { name: node, mountPath: /node, readOnly: true }
    - { name: lib, mountPath: /lib, readOnly: true }
    - { name: lib64, mountPath: /lib64, readOnly: true }
  volumes:
  - { name: app, configMap: { name: hook } }
  - { name: tls, secret: { secretName: hook } }
  - { name: node, hostPath: { path: ${dirname(process.execPath)} } }
  - { name: lib, hostPath: { path: /usr/lib } }
  - { name: lib64, hostPath: { path: /lib64 } }
`

const configuration = (kind: 'Mutating' | 'Validating') => `apiVersion: admissionregistration.k8s.io/v1
kind: ${kind}WebhookConfiguration
metadata: { name: hook }
webhooks:
- name: hook.example.com
  clientConfig: { service: { namespace: default, name: hook, path: /${kind === 'Mutating' ? 'mutate' : 'validate'} }, caBundle: ${caBundle} }
  rules: [{ apiGroups: [""], apiVersions: [v1], resources: [configmaps], operations: [CREATE, UPDATE] }]
  objectSelector: { matchLabels: { hooked: "yes" } }
  sideEffects: None
  admissionReviewVersions: [v1]
  timeoutSeconds: 5
`
const hooked = (name: string, data = '{}') => `apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, labels: { hooked: "yes" } }
data: ${data}
`

describe('a web service behind a Service', () => {
  test('changes objects on their way in, and refuses them', async () => {
    await cluster.apply(`${configuration('Mutating')}---\n${configuration('Validating')}`)
    await cluster.apply(hooked('good', '{ a: b }'))
    assert.equal(await cluster.kubectl('get cm good -o jsonpath={.data.mutated}'), 'yes')
    const { code, stderr } = await cluster.tryKubectl('apply -f -', { input: hooked('bad', '{ bad: "yes" }') })
    assert.equal(code, 1)
    assert.match(stderr, /admission webhook "hook\.example\.com" denied the request: it is bad/)
  })

  test('converts custom resources from one version to another', async () => {
    const version = (name: string, storage: boolean) =>
      `  - { name: ${name}, served: true, storage: ${storage}, schema: { openAPIV3Schema: { type: object, properties: { size: { type: integer } } } } }`
    await cluster.apply(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: boats.sea.local }
spec:
  group: sea.local
  scope: Namespaced
  names: { plural: boats, kind: Boat }
  versions:
${version('v1', true)}
${version('v2', false)}
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: { service: { namespace: default, name: hook, path: /convert }, caBundle: ${caBundle} }
`)
    await cluster.kubectl('wait --for=condition=Established crd/boats.sea.local --timeout=10s')
    await cluster.apply('{ apiVersion: sea.local/v1, kind: Boat, metadata: { name: tug }, size: 4 }')
    assert.equal(await cluster.kubectl('get boats.v1.sea.local tug -o jsonpath={.size}'), '4')
    assert.equal(await cluster.kubectl('get boats.v2.sea.local tug -o jsonpath={.size}'), '5')
  })

  test('serves a group of the API', async () => {
    await cluster.apply(`apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: { name: v1.sea.example.com }
spec:
  group: sea.example.com
  version: v1
  groupPriorityMinimum: 1000
  versionPriority: 10
  caBundle: ${caBundle}
  service: { namespace: default, name: hook }
`)
    await cluster.kubectl('wait --for=condition=Available apiservice/v1.sea.example.com --timeout=20s', {
      timeoutMs: 25_000,
    })
    await until('the aggregated object', async () => {
      const { stdout } = await cluster.tryKubectl('get fishes fish -o name')
      return stdout === 'fish.sea.example.com/fish\n'
    })
  })

  test('is missed when it is gone, until its configuration is as well', async () => {
    await cluster.kubectl('delete pod hook --now')
    const { code, stderr } = await cluster.tryKubectl('apply -f -', { input: hooked('late') })
    assert.equal(code, 1)
    assert.match(stderr, /failed calling webhook "hook\.example\.com"/)
    await cluster.kubectl('delete mutatingwebhookconfiguration,validatingwebhookconfiguration hook')
    await cluster.apply(hooked('late'))
  })
})
