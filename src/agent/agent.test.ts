// The whole agent on a fake runtime, a fake clock and an API in memory.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { ConfigMap } from '../api/kinds/config-map.ts'
import type { Kind } from '../api/kinds/kind.ts'
import { Lease } from '../api/kinds/lease.ts'
import { Node } from '../api/kinds/node.ts'
import { Pod } from '../api/kinds/pod.ts'
import { FakeClock } from '../base/clock.ts'
import { silentLogger } from '../base/log.ts'
import { runAgent } from './agent.ts'
import { FakeRuntime } from './cri/fake.ts'
import type { PodLookup } from './server/lookup.ts'
import { TestApi } from './test-api.ts'

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

interface World {
  api: TestApi
  runtime: FakeRuntime
  clock: FakeClock
  dataDir: string
  lookup: PodLookup
  stop(): Promise<void>
}

function start(from: Partial<World> = {}): World {
  const clock = from.clock ?? new FakeClock()
  const api = from.api ?? new TestApi()
  const runtime = from.runtime ?? new FakeRuntime({ clock, images: ['nginx:1', 'busybox:1'] })
  const dataDir = from.dataDir ?? mkdtempSync(join(tmpdir(), 'skiff-agent-'))
  if (!from.dataDir) cleanups.push(() => rmSync(dataDir, { recursive: true, force: true }))
  const abort = new AbortController()
  const world = { api, runtime, clock, dataDir } as World
  const running = runAgent(
    { signal: abort.signal, log: silentLogger },
    {
      client: api.client,
      cache: api.cache,
      runtime,
      images: runtime.images,
      events: api.recorder,
      clock,
      nodeName: 'n1',
      nodeIPs: ['192.168.0.1'],
      dataDir,
      clusterDomain: 'cluster.local',
      clusterDNS: ['10.96.0.10'],
      readResolvConf: async () => 'nameserver 192.168.0.53\n',
      host: {
        facts: async () => ({
          cpus: 4,
          memoryBytes: 8 * 2 ** 30,
          diskBytes: 100 * 2 ** 30,
          hugePageBytes: {},
          machineID: 'm',
          systemUUID: 's',
          bootID: 'b',
        }),
        free: async () => ({ memoryBytes: 4 * 2 ** 30, diskBytes: 50 * 2 ** 30, pids: 30_000 }),
      },
      onLookup: (lookup) => {
        world.lookup = lookup
      },
    },
  )
  world.stop = async () => {
    abort.abort()
    await running
  }
  cleanups.push(world.stop)
  return world
}

/** Lets everything that is under way come to rest. */
async function settle(turns = 60): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setTimeout(resolve, 5))
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
}

async function until(what: () => unknown, clock?: FakeClock, limitMs = 0): Promise<void> {
  const endMs = (clock?.now() ?? 0) + limitMs
  for (let i = 0; i < 200; i++) {
    if (what()) return
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  while (clock && clock.now() < endMs) {
    await clock.advance(500)
    await settle(5)
    if (what()) return
  }
  assert.fail(`never: ${what}`)
}

const podSpec = (name: string, spec: object = {}) => ({
  metadata: { name, namespace: 'default', generation: 1 },
  spec: {
    nodeName: 'n1',
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    containers: [{ name: 'web', image: 'nginx:1', imagePullPolicy: 'IfNotPresent' }],
    ...spec,
  },
  status: { phase: 'Pending' },
})
const shell = (script: string, more: object = {}) => ({
  name: 'web',
  image: 'busybox:1',
  imagePullPolicy: 'IfNotPresent',
  command: ['sh', '-c', script],
  ...more,
})
const status = (world: World, name = 'web') => world.api.get(Pod, name, 'default')?.status
const condition = (world: World, type: string, name = 'web') =>
  status(world, name)?.conditions?.find((c) => c.type === type)?.status
const container = (world: World, name = 'web') => status(world, name)?.containerStatuses?.[0]
const started = (world: World) => world.runtime.calls.filter((c) => c.startsWith('startContainer'))

test('a bound pod becomes ready with a single status write', async () => {
  const world = start()
  world.api.put(Pod, podSpec('web'))
  await until(() => condition(world, 'Ready') === 'True')
  assert.equal(status(world)?.phase, 'Running')
  assert.match(container(world)?.containerID ?? '', /^docker:\/\//)
  assert.equal(container(world)?.started, true)
  assert.match(status(world)?.podIP ?? '', /^10\.244\.0\./)
  assert.equal(status(world)?.hostIP, '192.168.0.1')
  assert.equal(world.api.writes.filter((w) => w === 'patch pods/status web').length, 1)
  const told = world.api.events.filter((e) => e.includes(' web: '))
  assert.deepEqual(told, [
    'Normal Pulled web: Container image "nginx:1" already present on machine and can be accessed by the pod',
    'Normal Created web: Container created',
    'Normal Started web: Container started',
  ])
  const found = world.lookup.find('default', 'web')
  assert.equal(`docker://${found?.containers.get('web')?.currentId}`, container(world)?.containerID)
  assert.notEqual(found?.sandboxId, undefined)
})

test('a deleted pod is stopped gracefully, then removed from the runtime, the disk and the API', async () => {
  const world = start()
  const pod = world.api.put(Pod, podSpec('web'))
  await until(() => condition(world, 'Ready') === 'True')
  world.api.deletePod(Pod, 'web', 'default', 30, world.clock.now())
  await until(() => !world.api.get(Pod, 'web', 'default'))
  assert.ok(world.runtime.calls.includes('stopContainer web_0 30000'))
  assert.ok(world.api.events.includes('Normal Killing web: Stopping container web'))
  assert.equal(world.api.writes.at(-1), 'delete pods web 0')
  await until(() => [...world.lookup.list()].length === 0)
  const ctx = { signal: new AbortController().signal, log: silentLogger }
  assert.deepEqual(await world.runtime.listPodSandboxes(ctx), [])
  assert.throws(() => readFileSync(join(world.dataDir, 'pods', pod.metadata.uid, 'etc-hosts')))
})

test('a process that ignores its stop signal is given the whole grace period and no more', async () => {
  const world = start()
  world.api.put(Pod, podSpec('web', { containers: [shell('sleep 1000')], terminationGracePeriodSeconds: 5 }))
  await until(() => condition(world, 'Ready') === 'True')
  world.api.deletePod(Pod, 'web', 'default', 5, world.clock.now())
  await settle()
  await world.clock.advance(4500)
  await settle()
  assert.notEqual(world.api.get(Pod, 'web', 'default'), undefined)
  await world.clock.advance(1000)
  await until(() => !world.api.get(Pod, 'web', 'default'))
})

test('a crashing container is restarted at once, then after 10 s, then after 20 s', async () => {
  const world = start()
  world.api.put(Pod, podSpec('web', { containers: [shell('sleep 1; exit 3')] }))
  await until(() => started(world).length === 1)
  await settle()
  const seconds: number[] = []
  const beganMs = world.clock.now()
  for (let n = 1; n < 50; n++) {
    const before = started(world).length
    await world.clock.advance(1000)
    await settle(20)
    if (started(world).length > before) seconds.push((world.clock.now() - beganMs) / 1000)
  }
  // The fake engine answers in real time, so under load a restart may be seen a few fake seconds late, never early.
  const [first, second, third] = seconds as [number, number, number]
  assert.equal(seconds.length, 3)
  assert.ok(second - first >= 10 && second - first < 16, `${seconds}`)
  assert.ok(third - second >= 20 && third - second < 26, `${seconds}`)
  assert.equal(container(world)?.restartCount, 3)
  const waiting = container(world)?.state?.waiting
  assert.equal(waiting?.reason, 'CrashLoopBackOff')
  assert.match(waiting?.message ?? '', /^back-off 40s restarting failed container=web pod=web_default\(/)
  assert.equal(container(world)?.lastState?.terminated?.exitCode, 3)
  assert.ok(
    world.api.events.some((e) =>
      e.startsWith('Warning BackOff web: Back-off restarting failed container web in pod web_default('),
    ),
  )
})

test('a pod that never restarts succeeds or fails with its containers, and its sandbox is stopped', async () => {
  const world = start()
  world.api.put(Pod, podSpec('good', { restartPolicy: 'Never', containers: [shell('exit 0')] }))
  world.api.put(Pod, podSpec('bad', { restartPolicy: 'Never', containers: [shell('exit 7')] }))
  await until(() => status(world, 'good')?.phase === 'Succeeded' && status(world, 'bad')?.phase === 'Failed')
  assert.equal(container(world, 'good')?.state?.terminated?.reason, 'Completed')
  assert.equal(container(world, 'bad')?.state?.terminated?.exitCode, 7)
  assert.equal(status(world, 'good')?.conditions?.find((c) => c.type === 'Ready')?.reason, 'PodCompleted')
  await until(() => world.runtime.calls.some((c) => c === 'stopPodSandbox good'))
})

test('init containers run in order before the others, a sidecar among them goes on', async () => {
  const world = start()
  const init = (name: string, script: string, more = {}) => ({ ...shell(script), name, ...more })
  world.api.put(
    Pod,
    podSpec('web', {
      initContainers: [init('a', 'exit 0'), init('s', 'sleep 1000', { restartPolicy: 'Always' }), init('b', 'sleep 2')],
    }),
  )
  await until(() => started(world).length === 3)
  assert.deepEqual(started(world), ['startContainer a_0', 'startContainer s_0', 'startContainer b_0'])
  await settle()
  await world.clock.advance(600)
  await settle()
  assert.equal(container(world)?.state?.waiting?.reason, 'PodInitializing')
  assert.equal(condition(world, 'Initialized'), 'False')
  await world.clock.advance(2000)
  await until(() => condition(world, 'Ready') === 'True')
  assert.equal(condition(world, 'Initialized'), 'True')
})

test('a restarted agent adopts what runs and restarts nothing', async () => {
  const first = start()
  first.api.put(Pod, podSpec('web'))
  await until(() => condition(first, 'Ready') === 'True')
  const before = structuredClone(status(first))
  await first.stop()
  const calls = first.runtime.calls.length
  await first.clock.advance(60_000)
  const second = start({ ...first })
  await until(() => second.lookup?.find('default', 'web')?.containers.get('web')?.currentId)
  await settle()
  assert.deepEqual(first.runtime.calls.slice(calls), [])
  assert.deepEqual(status(second), before)
  second.api.deletePod(Pod, 'web', 'default', 30, second.clock.now())
  await until(() => !second.api.get(Pod, 'web', 'default'))
})

test('what runs of a pod that the API does not know is stopped and removed', async () => {
  const first = start()
  first.api.put(Pod, podSpec('web'))
  await until(() => condition(first, 'Ready') === 'True')
  await first.stop()
  first.api.remove(Pod as unknown as Kind<never>, 'web', 'default')
  const second = start({ ...first })
  const ctx = { signal: new AbortController().signal, log: silentLogger }
  await until(() => second.runtime.calls.includes('stopContainer web_0 30000'))
  await until(() => [...second.lookup.list()].length === 0)
  assert.deepEqual(await second.runtime.listPodSandboxes(ctx), [])
})

test('while the API is away containers are still restarted, and deleted pods go when it is back', async () => {
  const world = start()
  world.api.put(Pod, podSpec('web'))
  await until(() => condition(world, 'Ready') === 'True')
  world.api.outage()
  world.runtime.crash(world.lookup.find('default', 'web')!.containers.get('web')!.currentId!, 1)
  await until(() => started(world).length === 2)
  world.api.deletePod(Pod, 'web', 'default', 1, world.clock.now())
  await settle()
  world.api.recover()
  await until(() => !world.api.get(Pod, 'web', 'default'), world.clock, 30_000)
})

test('the node is registered, labelled and ready; when the engine is gone it says so, and recovers', async () => {
  const world = start()
  const ready = () => world.api.get(Node, 'n1')?.status?.conditions?.find((c) => c.type === 'Ready')
  await until(() => ready()?.status === 'True')
  const node = world.api.get(Node, 'n1')!
  assert.equal(node.metadata.labels?.['kubernetes.io/hostname'], 'n1')
  assert.deepEqual(node.status?.addresses, [
    { type: 'InternalIP', address: '192.168.0.1' },
    { type: 'Hostname', address: 'n1' },
  ])
  assert.equal(node.status?.capacity?.['pods'], '110')
  assert.equal(node.status?.capacity?.['memory'], '8Gi')
  assert.equal(ready()?.reason, 'KubeletReady')
  assert.equal(world.api.get(Lease, 'n1', 'kube-node-lease')?.spec?.leaseDurationSeconds, 40)

  world.api.put(Pod, podSpec('web'))
  await until(() => condition(world, 'Ready') === 'True')
  world.runtime.outage()
  await until(() => ready()?.status === 'False')
  assert.equal(ready()?.message, 'container runtime is down')
  const calls = world.runtime.calls.length
  world.runtime.recover()
  await until(() => ready()?.status === 'True', world.clock, 30_000)
  await settle()
  assert.deepEqual(world.runtime.calls.slice(calls), [])
})

test('an idle node writes its lease every ten seconds and its status every five minutes', async () => {
  const world = start()
  await until(() =>
    world.api.get(Node, 'n1')?.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
  )
  await settle()
  world.api.writes.length = 0
  for (let i = 0; i < 30; i++) {
    await world.clock.advance(10_000)
    await settle(10)
  }
  assert.equal(world.api.writes.filter((w) => w === 'update leases n1').length, 30)
  assert.ok(world.api.writes.filter((w) => w === 'patch nodes/status n1').length <= 1)
  assert.deepEqual(
    world.api.writes.filter((w) => w.includes('pods')),
    [],
  )
})

test('a node that was removed from the API registers again', async () => {
  const world = start()
  await until(() => world.api.get(Node, 'n1'))
  await settle()
  world.api.remove(Node as unknown as Kind<never>, 'n1')
  await until(() => world.api.get(Node, 'n1'), world.clock, 10_000)
})

test('a missing ConfigMap holds the container back until it appears', async () => {
  const world = start()
  const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'cm', key: 'a' } } }]
  world.api.put(Pod, podSpec('web', { containers: [{ name: 'web', image: 'nginx:1', env }] }))
  await until(() => container(world)?.state?.waiting?.reason === 'CreateContainerConfigError')
  assert.equal(container(world)?.state?.waiting?.message, 'configmap "cm" not found')
  assert.ok(world.api.events.includes('Warning Failed web: Error: configmap "cm" not found'))
  world.api.put(ConfigMap, { metadata: { name: 'cm', namespace: 'default' }, data: { a: '1' } })
  await until(() => condition(world, 'Ready') === 'True')
})

test('a ConfigMap volume is filled, and follows its ConfigMap', async () => {
  const world = start()
  world.api.put(ConfigMap, { metadata: { name: 'cm', namespace: 'default' }, data: { a: 'one' } })
  const pod = world.api.put(
    Pod,
    podSpec('web', {
      volumes: [{ name: 'v', configMap: { name: 'cm' } }],
      containers: [{ name: 'web', image: 'nginx:1', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
    }),
  )
  await until(() => condition(world, 'Ready') === 'True')
  const file = join(world.dataDir, 'pods', pod.metadata.uid, 'volumes', 'kubernetes.io~configmap', 'v', 'a')
  assert.equal(readFileSync(file, 'utf8'), 'one')
  world.api.put(ConfigMap, { metadata: { name: 'cm', namespace: 'default' }, data: { a: 'two' } })
  await until(() => readFileSync(file, 'utf8') === 'two')
})

test('a volume that cannot be set up is told, and the pod starts when it can', async () => {
  const world = start()
  world.api.put(
    Pod,
    podSpec('web', {
      volumes: [{ name: 'v', configMap: { name: 'cm' } }],
      containers: [{ name: 'web', image: 'nginx:1', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
    }),
  )
  const told = 'Warning FailedMount web: MountVolume.SetUp failed for volume "v" : configmap "cm" not found'
  await until(() => world.api.events.includes(told))
  await until(() => container(world)?.state?.waiting?.reason === 'ContainerCreating')
  world.api.put(ConfigMap, { metadata: { name: 'cm', namespace: 'default' }, data: { a: 'one' } })
  await until(() => condition(world, 'Ready') === 'True')
})

test('an image that cannot be pulled is ErrImagePull, then ImagePullBackOff, and is tried again', async () => {
  const world = start()
  world.runtime.images.failPull('missing:1', 'manifest unknown')
  world.api.put(
    Pod,
    podSpec('web', { containers: [{ name: 'web', image: 'missing:1', imagePullPolicy: 'IfNotPresent' }] }),
  )
  await until(() => container(world)?.state?.waiting?.reason === 'ErrImagePull')
  await world.clock.advance(1000)
  await until(() => container(world)?.state?.waiting?.reason === 'ImagePullBackOff')
  assert.match(container(world)?.state?.waiting?.message ?? '', /^Back-off pulling image "missing:1": ErrImagePull: /)
  world.runtime.images.failPull('missing:1', undefined)
  await until(() => condition(world, 'Ready') === 'True', world.clock, 30_000)
})

test('a pod that does not fit fails with the reason', async () => {
  const world = start()
  const resources = { requests: { cpu: '9' } }
  world.api.put(Pod, podSpec('web', { containers: [{ name: 'web', image: 'nginx:1', resources }] }))
  await until(() => status(world)?.phase === 'Failed')
  assert.equal(status(world)?.reason, 'OutOfcpu')
  assert.equal(
    status(world)?.message,
    "Pod was rejected: Node didn't have enough resource: cpu, requested: 9000, used: 0, capacity: 4000",
  )
  assert.deepEqual(started(world), [])
})

test('a failing readiness probe keeps the pod unready, a failing liveness probe restarts the container', async () => {
  const world = start()
  let healthy = false
  world.runtime.program('check', async () => (healthy ? 0 : 1))
  const probe = { exec: { command: ['check'] }, periodSeconds: 1, failureThreshold: 1 }
  world.api.put(Pod, podSpec('web', { containers: [{ name: 'web', image: 'nginx:1', readinessProbe: probe }] }))
  await until(() => status(world)?.phase === 'Running')
  await world.clock.advance(1500)
  await settle()
  assert.equal(condition(world, 'Ready'), 'False')
  assert.equal(
    status(world)?.conditions?.find((c) => c.type === 'ContainersReady')?.message,
    'containers with unready status: [web]',
  )
  assert.ok(world.api.events.some((e) => e.startsWith('Warning Unhealthy web: Readiness probe failed')))
  healthy = true
  await world.clock.advance(1500)
  await until(() => condition(world, 'Ready') === 'True')

  world.api.put(Pod, podSpec('live', { containers: [{ name: 'web', image: 'nginx:1', livenessProbe: probe }] }))
  await until(() => condition(world, 'Ready', 'live') === 'True')
  healthy = false
  await world.clock.advance(1500)
  await until(() =>
    world.api.events.includes('Normal Killing live: Container web failed liveness probe, will be restarted'),
  )
  await until(() => container(world, 'live')?.restartCount === 1)
})

test('a sandbox that died is made anew and its containers are restarted in it', async () => {
  const world = start()
  world.api.put(Pod, podSpec('web'))
  await until(() => condition(world, 'Ready') === 'True')
  const { sandboxId } = world.lookup.find('default', 'web')!
  await world.runtime.stopPodSandbox({ signal: new AbortController().signal, log: silentLogger }, sandboxId!)
  await until(() => container(world)?.restartCount === 1 && condition(world, 'Ready') === 'True')
  assert.ok(
    world.api.events.includes('Normal SandboxChanged web: Pod sandbox changed, it will be killed and re-created.'),
  )
  assert.notEqual(world.lookup.find('default', 'web')?.sandboxId, sandboxId)
})

test('a container that cannot be started shows why', async () => {
  const world = start()
  world.runtime.failStart('web', 'exec: "nope": executable file not found in $PATH')
  world.api.put(Pod, podSpec('web'))
  await until(() => container(world)?.state?.waiting?.reason === 'CrashLoopBackOff')
  assert.equal(container(world)?.lastState?.terminated?.reason, 'ContainerCannotRun')
  assert.ok(world.api.events.includes('Warning Failed web: Error: exec: "nope": executable file not found in $PATH'))
})

test('activeDeadlineSeconds ends a pod', async () => {
  const world = start()
  world.api.put(Pod, podSpec('web', { activeDeadlineSeconds: 5 }))
  await until(() => condition(world, 'Ready') === 'True')
  await world.clock.advance(5000)
  await until(() => status(world)?.phase === 'Failed')
  assert.equal(status(world)?.reason, 'DeadlineExceeded')
})
