// What ends, breaks or fills up, and what goes on all the same: each process killed, the Engine stopped, the database damaged, the disk full.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Deployment } from '../../src/api/kinds/deployment.ts'
import type { Lease } from '../../src/api/kinds/lease.ts'
import type { Node } from '../../src/api/kinds/node.ts'
import type { Pod } from '../../src/api/kinds/pod.ts'
import { type Cluster, clusterOn, until } from './cluster.ts'
import { type Host, startHost } from './host.ts'
import { kubectls } from './kubectl.ts'

const MANIFEST = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - { name: nginx, image: nginx:alpine, ports: [{ containerPort: 80 }], readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 1 } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.80, selector: { app: web }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: alone }
spec:
  terminationGracePeriodSeconds: 1
  containers: [{ name: main, image: busybox:latest, imagePullPolicy: IfNotPresent, command: [sh, -c, "trap exit TERM; sleep 36000 & wait"] }]
`

let host: Host
let cluster: Cluster
before(async () => {
  host = startHost('resilience')
  cluster = clusterOn(host, kubectls().at(-1)!.path)
  await succeed('up')
  await cluster.apply(MANIFEST)
  await allReady()
})
after(async () => {
  await cluster?.skiff('down', '--purge')
  host?.stop()
})

async function succeed(command: string, on = cluster): Promise<string> {
  const { code, stdout, stderr } = await on.skiff(command)
  assert.equal(code, 0, stdout + stderr)
  return stdout + stderr
}
async function allReady(): Promise<void> {
  await cluster.kubectl('rollout status deployment/web --timeout=60s', { timeoutMs: 70_000 })
  await cluster.kubectl('wait --for=condition=Ready pod --all --timeout=60s', { timeoutMs: 70_000 })
}
const pid = (process: 'server' | 'agent' | 'supervisor', on = cluster) =>
  Number(readFileSync(join(on.dataDir, 'run', `${process}.pid`), 'utf8'))
const isAlive = (id: number) =>
  existsSync(`/proc/${id}/stat`) && !readFileSync(`/proc/${id}/stat`, 'utf8').includes(') Z ')
const ended = (...ids: number[]) => until(`${ids} have ended`, async () => !ids.some(isAlive), 10_000)
/** Another process than before, which says that it serves. */
const restarted = (process: 'server' | 'agent', before: number, on = cluster) =>
  until(
    `the ${process} was restarted`,
    async () => existsSync(join(on.dataDir, 'run', `${process}.ready`)) && pid(process, on) !== before,
  )

const containerIds = async () => (await host.run(['docker', 'ps', '-q', '--no-trunc'])).stdout.trim().split('\n').sort()
const restarts = async () =>
  (await cluster.get<{ items: Pod[] }>('pods')).items
    .flatMap((pod) => pod.status?.containerStatuses ?? [])
    .map((s) => s.restartCount)
const serviceAnswers = async () =>
  (await host.run(['curl', '-sS', '-m', '2', 'http://10.96.0.80/'])).stdout.includes('Welcome to nginx')
const dnsAnswers = async () =>
  (
    await host.run(['dig', '+short', '+tries=1', '+time=2', '@10.96.0.10', 'web.default.svc.cluster.local'])
  ).stdout.trim() === '10.96.0.80'
const nodeReady = async () =>
  (await cluster.get<Node>('node/node1')).status?.conditions?.find((condition) => condition.type === 'Ready')

test('when the server is killed, pods, Services and DNS go on, and nothing that was acknowledged is lost', async () => {
  const ids = await containerIds()
  const server = pid('server')
  const list = await cluster.get<{ metadata: { resourceVersion: string } }>('configmaps')
  const acknowledged: string[] = []
  let stop = false
  const writers = Array.from({ length: 3 }, async (_, writer) => {
    for (let i = 0; !stop; i++) {
      const name = `written-${writer}-${i}`
      const { code } = await cluster.tryKubectl(`create configmap ${name} --from-literal=a=1`)
      if (code === 0) acknowledged.push(name)
    }
  })
  await until('some writes were answered', async () => acknowledged.length >= 6)
  process.kill(server, 'SIGKILL')
  const [service, dns] = await Promise.all([serviceAnswers(), dnsAnswers()])
  assert.ok(service, 'the Service answers without the server')
  assert.ok(dns, 'DNS answers without the server')
  await restarted('server', server)
  const before = acknowledged.length
  await until('writes are answered again', async () => acknowledged.length > before + 2)
  stop = true
  await Promise.all(writers)

  const names = (await cluster.kubectl('get configmaps -o name'))
    .split('\n')
    .map((line) => line.replace('configmap/', ''))
  assert.deepEqual(
    acknowledged.filter((name) => !names.includes(name)),
    [],
  )
  const watched = await cluster.kubectl(
    `get --raw /api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=1&resourceVersion=${list.metadata.resourceVersion}`,
  )
  const seen = watched
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; object: { metadata: { name: string } } })
  assert.deepEqual(
    acknowledged.filter((name) => !seen.some((e) => e.type === 'ADDED' && e.object.metadata.name === name)),
    [],
    'a watch from before sees them all',
  )

  // The agent and the controllers follow again.
  await cluster.kubectl('scale deployment web --replicas=3')
  await allReady()
  await cluster.kubectl('scale deployment web --replicas=2')
  await until('it is two again', async () => (await cluster.get<Deployment>('deployment/web')).status?.replicas === 2)
  const now = await until('the third is gone', async () => {
    const found = await containerIds()
    return found.length === ids.length && found
  })
  assert.ok(ids.filter((id) => now.includes(id)).length >= ids.length - 2, 'no container was restarted')
  assert.deepEqual(new Set(await restarts()), new Set([0]))
})

test('when the agent is killed it adopts what runs, and heeds what was asked for meanwhile', async () => {
  await cluster.kubectl('run leaving --image=busybox:latest --image-pull-policy=IfNotPresent -- sleep 3600')
  await allReady()
  const agent = pid('agent')
  process.kill(agent, 'SIGKILL')
  await cluster.kubectl('delete pod leaving --wait=false --grace-period=1')
  assert.ok(await serviceAnswers(), 'the Service answers without the agent')
  await restarted('agent', agent)
  await cluster.kubectl('wait --for=delete pod/leaving --timeout=20s')
  const ids = await until('its containers are gone', async () => {
    const found = await containerIds()
    return found.length === 6 && found
  })
  await until('DNS answers again', dnsAnswers)
  assert.equal((await nodeReady())?.status, 'True')
  await cluster.kubectl('run coming --image=busybox:latest --image-pull-policy=IfNotPresent -- sleep 3600')
  await allReady()
  await cluster.kubectl('delete pod coming --now')
  await until('the same containers run', async () => String(await containerIds()) === String(ids))
  assert.deepEqual(await restarts(), [0, 0, 0])
})

test('SIGTERM ends every process within 5 s and leaves the pods; up adopts them', async () => {
  const ids = await containerIds()
  const processes = [pid('supervisor'), pid('server'), pid('agent')]
  const began = performance.now()
  process.kill(processes[0]!, 'SIGTERM')
  await ended(...processes)
  assert.ok(performance.now() - began < 5000, `took ${performance.now() - began} ms`)
  assert.ok(await serviceAnswers())
  await succeed('up')
  await allReady()
  assert.deepEqual(await containerIds(), ids)
  assert.deepEqual(await restarts(), [0, 0, 0])
})

test('when the supervisor itself is killed, up finds its way', async () => {
  const ids = await containerIds()
  process.kill(pid('supervisor'), 'SIGKILL')
  await succeed('up')
  await allReady()
  assert.deepEqual(await containerIds(), ids)
  assert.match(await succeed('status'), /Nothing is wrong/)
})

test('without the Engine the node is NotReady and says why; when it is back, so are the pods', async () => {
  host.stopEngine()
  const notReady = await until('the node is NotReady', async () => {
    const ready = await nodeReady()
    return ready?.status !== 'True' && ready
  })
  assert.equal(notReady.reason, 'KubeletNotReady')
  assert.match(notReady.message ?? '', /container runtime is down/)
  const { stdout } = await cluster.skiff('status')
  host.startEngine()
  assert.match(stdout, /not Ready: container runtime is down/)
  await until('the node is Ready', async () => (await nodeReady())?.status === 'True')
  await allReady()
  await until('the Service answers', serviceAnswers)
  await until('DNS answers', dnsAnswers)
  assert.match(await cluster.sh('alone', 'curl -sS -m 5 http://web/'), /Welcome to nginx/)
})

test('leases and heartbeats are renewed without a write to the disk', async () => {
  const renewed = async () => (await cluster.get<Lease>('lease/node1 -n kube-node-lease')).spec?.renewTime
  const written = (id: number) => Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${id}/io`, 'utf8'))?.[1])
  const total = () => written(pid('server')) + written(pid('agent'))
  const before = await until('what came before is written', async () => {
    const bytes = total()
    await new Promise((resolve) => setTimeout(resolve, 4000))
    return total() === bytes && bytes
  })
  const first = await renewed()
  await until('the lease is renewed', async () => (await renewed()) !== first, 25_000)
  assert.equal(total() - before, 0)
})

test('down and up bring back what was there, with the same pods', async () => {
  const uid = (await cluster.get<Pod>('pod/alone')).metadata.uid
  await succeed('down')
  assert.deepEqual(await containerIds(), [''])
  await succeed('up')
  await allReady()
  assert.equal((await cluster.get<Pod>('pod/alone')).metadata.uid, uid)
  await until('the Service answers', serviceAnswers)
})

test('two that start the same cluster at once end up with one', async () => {
  await succeed('down')
  const results = await Promise.all([cluster.skiff('up'), cluster.skiff('up')])
  for (const { code, stdout, stderr } of results)
    if (code !== 0) assert.match(stderr, /is being started|already/, stdout + stderr)
  assert.ok(
    results.some(({ code }) => code === 0),
    JSON.stringify(results),
  )
  assert.equal(processesWith(`supervisor.sh\0${cluster.dataDir}`), 3, 'one supervisor with its two keepers')
  await allReady()
})

test('a damaged database is refused with what to do, and never replaced by an empty one', async () => {
  await succeed('down')
  const db = join(cluster.dataDir, 'db/db')
  const saved = join(host.dir, 'db-saved')
  cpSync(db, saved, { recursive: true })
  const files = readdirSync(db).filter((name) => /\.(ldb|log)$|^MANIFEST/.test(name))
  for (const name of files) {
    const path = join(db, name)
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.fill(0x5a, 0, Math.ceil(bytes.length / 2)))
  }
  const damaged = files.map((name) => readFileSync(join(db, name)).toString('base64'))
  const { code, stderr } = await cluster.skiff('up')
  assert.notEqual(code, 0)
  assert.match(stderr, /damaged/)
  assert.match(stderr, /restore|backup|back-up|--purge/)
  assert.deepEqual(
    files.map((name) => readFileSync(join(db, name)).toString('base64')),
    damaged,
    'nothing was written over',
  )
  await succeed('down')

  for (const name of readdirSync(db)) rmSync(join(db, name))
  const emptied = await cluster.skiff('up')
  assert.notEqual(emptied.code, 0, 'a database that has vanished from a cluster that had one is no new cluster')
  await succeed('down')

  rmSync(db, { recursive: true })
  cpSync(saved, db, { recursive: true })
  await succeed('up')
  await allReady()
})

test('with a full disk writes fail with a clear error and reads go on; with space again, so do writes', async () => {
  await succeed('down')
  const dataDir = join(host.dir, 'small')
  mkdirSync(dataDir)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', dataDir])
  try {
    const small = clusterOn(host, kubectls().at(-1)!.path, { dataDir })
    await succeed('up', small)
    const server = pid('server', small)
    await small.kubectl('create configmap first --from-literal=a=1')
    await host.run(['dd', 'if=/dev/zero', `of=${dataDir}/filler`, 'bs=64k'])
    const refused = await until('a write is refused', async () => {
      const result = await small.tryKubectl(`create configmap n${Date.now()} --from-literal=a=${'x'.repeat(20_000)}`)
      return result.code !== 0 && result
    })
    assert.match(refused.stderr, /no space left|disk is full/i)
    assert.match(await small.kubectl('get configmap first'), /first +1/)
    rmSync(join(dataDir, 'filler'))
    await small.kubectl('create configmap second --from-literal=a=1')
    assert.equal(pid('server', small), server, 'the server lived on')
    process.kill(server, 'SIGKILL')
    await restarted('server', server, small)
    await until('both are there', async () => (await small.tryKubectl('get configmap first second')).code === 0)
    await succeed('down', small)
  } finally {
    execFileSync('umount', ['-l', dataDir])
  }
})

/** How many processes have this in their command line, whose words are separated by NUL. */
function processesWith(words: string): number {
  const commandLines = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      } catch {
        return '' // it has ended meanwhile
      }
    })
  return commandLines.filter((line) => line.includes(words)).length
}
