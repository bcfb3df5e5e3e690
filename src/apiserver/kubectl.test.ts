// The real kubectl against the real server over TLS, without nodes: what users see of the API itself.
import assert from 'node:assert/strict'
import { execFile, execFileSync, spawn } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { silentLogger } from '../base/log.ts'
import { ensurePki } from '../base/pki.ts'
import { testApi, withDefaultAccount } from './test-api.ts'

function hasKubectl(): boolean {
  try {
    execFileSync('kubectl', ['version', '--client'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const options = { skip: hasKubectl() ? false : 'kubectl is not installed' }

const directory = await mkdtemp(join(tmpdir(), 'skiff-kubectl-'))
const ctx = { signal: new AbortController().signal, log: silentLogger }
const pki = await ensurePki(ctx, directory, { addresses: [], dnsNames: [], clock: systemClock })
const api = await testApi({ pki, clock: systemClock })
const { port } = await api.server.listen({ host: '127.0.0.1', port: 0 })
await withDefaultAccount(api)
const base64 = (text: string) => Buffer.from(text).toString('base64')
const kubeconfig = join(directory, 'kubeconfig')
await writeFile(
  kubeconfig,
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'test',
        cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': base64(pki.authorityCert) },
      },
    ],
    users: [
      {
        name: 'admin',
        user: { 'client-certificate-data': base64(pki.admin.cert), 'client-key-data': base64(pki.admin.key) },
      },
    ],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  }),
)
const editor = join(directory, 'editor')
await writeFile(editor, '#!/bin/sh\nsed -i "s/image: nginx$/image: nginx:1.27/" "$1"\n')
await chmod(editor, 0o755)
const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: directory, KUBE_EDITOR: editor }

interface Result {
  code: number
  out: string
  err: string
}
function kubectl(args: string, input?: string): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile('kubectl', args.split(' '), { env, timeout: 30_000 }, (err, out, stderr) => {
      resolve({ code: err ? Number(err.code ?? 1) : 0, out, err: stderr })
    })
    child.stdin?.end(input)
  })
}

const manifest = (replicas: number) => `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}
`

test('apply creates, then finds nothing to do, then shows and makes a difference', options, async () => {
  assert.equal((await kubectl('apply -f -', manifest(2))).out, 'deployment.apps/web created\nservice/web created\n')
  assert.equal((await kubectl('apply -f -', manifest(2))).out, 'deployment.apps/web unchanged\nservice/web unchanged\n')
  const diff = await kubectl('diff -f -', manifest(3))
  assert.equal(diff.code, 1)
  assert.match(diff.out, /^-\s+replicas: 2$/m)
  assert.match(diff.out, /^\+\s+replicas: 3$/m)
  assert.match((await kubectl('apply -f -', manifest(3))).out, /deployment\.apps\/web configured/)
  const applied = await kubectl('apply --server-side --force-conflicts -f -', manifest(4))
  assert.match(applied.out, /deployment\.apps\/web serverside-applied/)
  assert.equal((await kubectl('get deploy web -o jsonpath={.spec.replicas}')).out, '4')
})

test('get prints the columns that users know', options, async () => {
  const deployments = await kubectl('get deployments')
  assert.match(deployments.out, /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +0\/4 +0 +0 +\d+s\n$/)
  assert.match((await kubectl('get svc web')).out, /web +NodePort +10\.96\.0\.\d+ +<none> +80:30080\/TCP +\d+s/)
  assert.match((await kubectl('get ns')).out, /kube-system +Active/)
  assert.equal((await kubectl('get cm -n kube-public')).err, 'No resources found in kube-public namespace.\n')
})

test('edit, scale, set image, label, annotate and patch change the object', options, async () => {
  assert.equal((await kubectl('edit deploy web')).out, 'deployment.apps/web edited\n')
  assert.equal((await kubectl('scale deploy web --replicas=7')).out, 'deployment.apps/web scaled\n')
  await kubectl('label deploy web tier=front')
  await kubectl('annotate deploy web note=yes')
  const template = '{.spec.replicas},{.metadata.labels.tier},{.metadata.annotations.note},{..containers[0].image}'
  assert.equal((await kubectl(`get deploy web -o jsonpath=${template}`)).out, '7,front,yes,nginx:1.27')
  await kubectl('set image deploy/web c=nginx:2')
  assert.equal((await kubectl('get deploy web -o jsonpath={..containers[0].image}')).out, 'nginx:2')
})

test('create sends what it likes, protobuf included', options, async () => {
  assert.equal((await kubectl('create namespace blue')).out, 'namespace/blue created\n')
  assert.equal((await kubectl('create configmap cm -n blue --from-literal=a=b')).out, 'configmap/cm created\n')
  assert.equal((await kubectl('create deployment d -n blue --image=nginx')).out, 'deployment.apps/d created\n')
  assert.equal((await kubectl('run p --image=nginx')).out, 'pod/p created\n')
  assert.match((await kubectl('create token default')).out, /^[\w-]+\.[\w-]+\.[\w-]+$/)
  assert.equal((await kubectl('auth can-i create pods')).out, 'yes\n')
  assert.match((await kubectl('auth whoami')).out, /kubernetes-admin/)
})

test('explain and api-resources know the kinds', options, async () => {
  assert.match((await kubectl('explain deployment.spec.strategy.rollingUpdate')).out, /maxSurge\t<IntOrString>/)
  const resources = (await kubectl('api-resources')).out
  assert.match(resources, /^deployments +deploy +apps\/v1 +true +Deployment$/m)
  assert.match(resources, /^nodes +no +v1 +false +Node$/m)
  assert.equal((await kubectl('get foos')).err, 'error: the server doesn\'t have a resource type "foos"\n')
})

test('wrong input is answered with its reason', options, async () => {
  const cases: [string, string | undefined, RegExp][] = [
    ['apply -f -', manifest(-1), /spec\.replicas: Invalid value: -1: must be greater than or equal to 0/],
    ['apply -f -', manifest(1).replace('replicas:', 'replicaz:'), /unknown field "spec\.replicaz"/],
    ['apply -f -', manifest(1).replace('apps/v1', 'apps/v9'), /no matches for kind "Deployment" in version "apps\/v9"/],
    [
      'apply -f -',
      manifest(1).replace('matchLabels: {app: web}', 'matchLabels: {app: x}'),
      /`selector` does not match template `labels`|field is immutable/,
    ],
    ['create ns blue', undefined, /namespaces "blue" already exists/],
    ['create cm x -n nowhere', undefined, /namespaces "nowhere" not found/],
    ['get pod nobody', undefined, /pods "nobody" not found/],
    ['delete ns default', undefined, /namespaces "default" is forbidden: this namespace may not be deleted/],
    ['create svc nodeport y --tcp=80 --node-port=30080', undefined, /provided port is already allocated/],
    ['exec p -- ls', undefined, /pod p does not have a host assigned/],
  ]
  for (const [args, input, expected] of cases) {
    const { code, err } = await kubectl(args, input)
    assert.notEqual(code, 0, args)
    assert.match(err, expected, args)
  }
})

test('get -w prints what happens while it happens', options, async () => {
  const child = spawn('kubectl', ['get', 'cm', '-n', 'blue', '-w', '-o', 'name'], { env })
  const seen = new Promise<string>((resolve) => {
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
      if (text.includes('configmap/cm\n') && text.split('\n').length > 2) resolve(text)
      else if (text.includes('configmap/cm\n')) void kubectl('create configmap second -n blue')
    })
  })
  assert.equal(await seen, 'configmap/cm\nconfigmap/second\n')
  child.kill()
})

test('delete removes and says so', options, async () => {
  assert.match((await kubectl('delete deploy web')).out, /deployment\.apps "web" deleted/)
  assert.match((await kubectl('delete pod p')).out, /pod "p" deleted/)
  assert.equal((await kubectl('get deploy web')).code, 1)
})

after(async () => {
  await api.close()
  await rm(directory, { recursive: true, force: true })
})
