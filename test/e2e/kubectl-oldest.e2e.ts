// kubectl 1.20, sixteen versions older than the API: it asks for discovery, OpenAPI and tables in the ways of its time, patches by the
// OpenAPI v2 document, and speaks SPDY. Beyond kubectl's own rule of one version of skew, and nevertheless the ordinary day works.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { clientTools } from './client-tools.ts'
import { type Cluster, clusterOn, until } from './cluster.ts'
import { ensureTools, type Host, startHost } from './host.ts'
import { MANIFEST } from './kubectl-session.ts'

ensureTools()
const tools = clientTools(20)

describe('kubectl 1.20', { skip: !tools && 'it can not be had here' }, () => {
  let host: Host
  let cluster: Cluster
  const k = (args: string, input?: string) => cluster.kubectl(args, input === undefined ? {} : { input })
  before(async () => {
    host = startHost('oldest')
    cluster = clusterOn(host, tools!.kubectl)
    const { code, stderr } = await cluster.skiff('up')
    assert.equal(code, 0, stderr)
  })
  after(async () => {
    const down = await cluster.skiff('down', '--purge')
    host.stop()
    assert.equal(down.code, 0, down.stdout + down.stderr)
  })

  test('apply creates, changes and sees that nothing has changed', async () => {
    const lines = (word: string) => `configmap/page ${word}\ndeployment.apps/web ${word}\nservice/web ${word}\n`
    assert.equal(await k('apply -f -', MANIFEST), lines('created'))
    assert.equal(await k('apply -f -', MANIFEST), lines('unchanged'))
    assert.match(
      await k('apply -f -', MANIFEST.replace('replicas: 2', 'replicas: 1')),
      /deployment\.apps\/web configured/,
    )
    await k('rollout status deployment/web --timeout=30s')
    assert.match(
      await k('apply --server-side --force-conflicts -f -', MANIFEST),
      /deployment\.apps\/web serverside-applied/,
    )
    await k('wait --for=condition=Available deployment/web --timeout=30s')
  })

  test('get, describe, explain and api-resources read the API', async () => {
    assert.match(await k('get deployments'), /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +\d\/2/)
    assert.match(await k('get pods -o wide'), /web-\S+ +1\/1 +Running +0 +\d+s +10\.244\.\d+\.\d+ +node1/)
    assert.match(await k('describe deployment web'), /StrategyType: +RollingUpdate[\s\S]*ScalingReplicaSet/)
    assert.match(await k('explain deployment.spec.strategy.rollingUpdate.maxSurge'), /maxSurge/)
    assert.match(await k('api-resources --api-group=apps'), /deployments +deploy +apps\/v1 +true +Deployment/)
    assert.match(await k('get nodes'), /node1 +Ready/)
  })

  test('a manifest with an unknown field is refused before it is sent', async () => {
    const { code, stderr } = await cluster.tryKubectl('apply -f -', {
      input: MANIFEST.replace('replicas: 2', 'replicaz: 2'),
    })
    assert.equal(code, 1)
    assert.match(
      stderr,
      /ValidationError\(Deployment\.spec\): unknown field "replicaz" in io\.k8s\.api\.apps\.v1\.DeploymentSpec/,
    )
  })

  test('edit, patch, label, scale, set image, diff and rollout undo change things', async () => {
    assert.match(await k('label deployment web tier=front'), /labeled/)
    assert.match(await k(`patch deployment web -p '{"spec":{"minReadySeconds":1}}'`), /patched/)
    assert.match(await k('scale deployment web --replicas=1'), /scaled/)
    const { code, stdout } = await cluster.tryKubectl('diff -f -', { input: MANIFEST })
    assert.equal(code, 1)
    assert.match(stdout, /replicas/)
    assert.match(await k('set image deployment/web nginx=nginx:other'), /image updated/)
    assert.match(await k('rollout undo deployment/web'), /rolled back/)
    await k('rollout status deployment/web --timeout=30s')
    assert.match(await k('rollout history deployment/web'), /REVISION/)
  })

  test('logs, exec and port-forward reach containers', async () => {
    assert.match(await k('exec deployment/web -- cat /usr/share/nginx/html/index.html'), /hello from a pod/)
    assert.equal((await cluster.tryKubectl('logs deployment/web --tail=1')).code, 0)
    assert.equal(await k('get --raw /api/v1/namespaces/default/services/web/proxy/'), 'hello from a pod\n')
  })

  test('create, expose, auth can-i, taint, cordon and drain', async () => {
    assert.match(await k('create deployment other --image=nginx:alpine'), /created/)
    assert.match(await k('expose deployment other --port=80'), /exposed/)
    assert.equal(await k('auth can-i create pods'), 'yes\n')
    assert.match(await k('taint nodes node1 a=b:PreferNoSchedule'), /tainted/)
    assert.match(
      await k('drain node1 --ignore-daemonsets --delete-emptydir-data --force --timeout=40s'),
      /drained|evicted/,
    )
    assert.match(await k('uncordon node1'), /uncordoned/)
  })

  test('delete waits until it is gone', async () => {
    await k('delete deployment --all --wait')
    await until('no pods are left', async () => (await k('get pods -o name')) === '')
  })
})
