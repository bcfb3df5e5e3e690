// Other servers' APIs through the real server over TLS: what kubectl shows of them, one of them being down; connections that are
// upgraded; and connections to pods that a webhook refuses.
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { after, test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/log.ts'
import { ensurePki } from '../../base/pki.ts'
import { type Json, testApi } from '../test-api.ts'
import { publishService, testWebhook } from '../webhooks/test-webhook.ts'

function hasKubectl(): boolean {
  try {
    execFileSync('kubectl', ['version', '--client'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const directory = await mkdtemp(join(tmpdir(), 'skiff-aggregation-kubectl-'))
const ctx = { signal: new AbortController().signal, log: silentLogger }
const pki = await ensurePki(ctx, directory, { addresses: [], dnsNames: [], clock: systemClock })
const api = await testApi({ pki, clock: systemClock })
const { port } = await api.server.listen({ host: '127.0.0.1', port: 0 })
const base64 = (text: string) => Buffer.from(text).toString('base64')
const cluster = { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': base64(pki.authorityCert) }
const user = { 'client-certificate-data': base64(pki.admin.cert), 'client-key-data': base64(pki.admin.key) }
const kubeconfig = join(directory, 'kubeconfig')
await writeFile(
  kubeconfig,
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'admin', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  }),
)

const flunder = { name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs: ['get', 'list'] }
const wardle = await testWebhook(
  (_body, request) => {
    if (request.url === '/apis/wardle.example.com/v1') {
      return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'wardle.example.com/v1', resources: [flunder] }
    }
    return { kind: 'Flunder', apiVersion: 'wardle.example.com/v1', metadata: { name: 'one' } }
  },
  {
    dnsNames: ['wardle.default.svc'],
    clientCa: pki.frontProxy.ca,
    onUpgrade(request, socket) {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
      socket.write(`hello ${request.headers['x-remote-user']}\n`)
      socket.pipe(socket)
    },
  },
)
await publishService(api, 'default', 'wardle', wardle.port)
const register = (group: string, service: string, caBundle?: string) =>
  api.post('/apis/apiregistration.k8s.io/v1/apiservices', {
    metadata: { name: `v1.${group}` },
    spec: {
      group,
      version: 'v1',
      groupPriorityMinimum: 1000,
      versionPriority: 15,
      service: { namespace: 'default', name: service },
      ...(caBundle ? { caBundle } : {}),
    },
  })
await register('wardle.example.com', 'wardle', wardle.caBundle)
await register('down.example.com', 'down')
const watch = await api.watch('/apis/apiregistration.k8s.io/v1/apiservices')
for (const reasons = new Set(['Passed', 'ServiceNotFound']); reasons.size > 0; ) {
  const { object } = await watch.next()
  for (const { reason } of object.status?.conditions ?? []) reasons.delete(reason)
}
watch.stop()

after(async () => {
  await api.close()
  await wardle.close()
  await rm(directory, { recursive: true, force: true })
})

function kubectl(...args: string[]): Promise<{ out: string; err: string }> {
  const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: directory }
  return new Promise((resolve) => {
    execFile('kubectl', args, { env, timeout: 20_000 }, (_error, out, err) => resolve({ out, err }))
  })
}

/** An upgrade as the administrator: what comes back first, or the refusal. */
function upgrade(path: string): Promise<{ status: number; text: string; socket?: Duplex }> {
  const request = https.request({
    host: '127.0.0.1',
    port,
    path,
    ca: pki.authorityCert,
    cert: pki.admin.cert,
    key: pki.admin.key,
    headers: { connection: 'Upgrade', upgrade: 'echo' },
    agent: false,
  })
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('upgrade', (response, socket, head) => {
      const done = (chunk: Buffer) => resolve({ status: response.statusCode!, text: chunk.toString(), socket })
      if (head.length > 0) done(head)
      else socket.once('data', done)
    })
    request.on('response', async (response) => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk as Buffer)
      resolve({ status: response.statusCode!, text: Buffer.concat(chunks).toString() })
    })
    request.end()
  })
}

test('kubectl shows who serves what, and works on what other servers serve', {
  skip: hasKubectl() ? false : 'kubectl is not installed',
}, async () => {
  const services = (await kubectl('get', 'apiservices')).out
  assert.match(services, /^NAME +SERVICE +AVAILABLE +AGE\n/)
  assert.match(services, /^v1\.apps +Local +True +/m)
  assert.match(services, /^v1\.wardle\.example\.com +default\/wardle +True +/m)
  assert.match(services, /^v1\.down\.example\.com +default\/down +False \(ServiceNotFound\) +/m)
  const resources = await kubectl('api-resources')
  assert.match(resources.out, /^flunders +wardle\.example\.com\/v1 +true +Flunder$/m)
  assert.match(resources.out, /^deployments +deploy +apps\/v1 +true +Deployment$/m)
  assert.equal((await kubectl('get', 'flunders', 'one', '-o', 'name')).out, 'flunder.wardle.example.com/one\n')
})

test('a connection to another server is upgraded and carried through, with the user', async () => {
  const { status, text, socket } = await upgrade('/apis/wardle.example.com/v1/namespaces/default/flunders/one/shell')
  assert.deepEqual([status, text], [101, 'hello kubernetes-admin\n'])
  const echoed = new Promise((resolve) => socket!.once('data', (chunk: Buffer) => resolve(chunk.toString())))
  socket!.write('ping')
  assert.equal(await echoed, 'ping')
  socket!.destroy()
})

test('a webhook can refuse to attach to a pod', async () => {
  const answer = (review: Json) => ({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: review.request.uid, allowed: false, status: { message: 'attaching to pods is not allowed' } },
  })
  const guard = await testWebhook(answer)
  const { status } = await api.post('/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', {
    metadata: { name: 'attach' },
    webhooks: [
      {
        name: 'attach.example.com',
        clientConfig: { url: `https://127.0.0.1:${guard.port}/`, caBundle: guard.caBundle },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods/attach'], operations: ['CONNECT'] }],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  })
  assert.equal(status, 201)
  const refused = await upgrade('/api/v1/namespaces/default/pods/any/attach?container=app&stdin=true&stdout=true')
  assert.equal(refused.status, 400)
  assert.match(refused.text, /"attach.example.com\\" denied the request: attaching to pods is not allowed/)
  const { request } = guard.reviews[0]
  assert.deepEqual([request.operation, request.subResource, request.name], ['CONNECT', 'attach', 'any'])
  assert.deepEqual(request.object, {
    kind: 'PodAttachOptions',
    apiVersion: 'v1',
    stdin: true,
    stdout: true,
    container: 'app',
  })
  await guard.close()
})
