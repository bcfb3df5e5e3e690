// The life of a pod on a node: start, restart, probes, volumes, end.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { ConfigMap } from '../../api/kinds/config-map.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { silentLogger } from '../../base/log.ts'
import { containerConfig } from '../cri/runtime-suite.ts'
import {
  condition,
  container,
  podSpec,
  settle,
  shell,
  start,
  started,
  status,
  stopWorlds,
  until,
} from '../test-world.ts'

afterEach(stopWorlds)

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
  await until(() => world.runtime.calls.includes('stopContainer web_0 5000'))
  await world.clock.advance(4500)
  await settle()
  assert.notEqual(world.api.get(Pod, 'web', 'default'), undefined)
  await world.clock.advance(1000)
  await until(() => !world.api.get(Pod, 'web', 'default'))
})

test('a crashing container is restarted at once, then after 10 s, then after 20 s', async () => {
  const world = start()
  world.api.put(Pod, podSpec('web', { containers: [shell('sleep 1; exit 3')] }))
  const message = () => container(world)?.state?.waiting?.message ?? ''
  const ends = async (attempts: number) => {
    await until(() => started(world).length === attempts)
    await settle()
    await world.clock.advance(1000)
  }
  await ends(1)
  await ends(2)
  for (const [attempts, seconds] of [
    [2, 10],
    [3, 20],
  ] as const) {
    await until(() => message().startsWith(`back-off ${seconds}s `))
    await world.clock.advance(seconds * 1000 - 1)
    await settle()
    assert.equal(started(world).length, attempts)
    await world.clock.advance(1)
    await ends(attempts + 1)
  }
  await until(() => message().startsWith('back-off 40s '))
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
  await until(() => container(world)?.state?.waiting?.reason === 'PodInitializing')
  assert.equal(condition(world, 'Initialized'), 'False')
  await world.clock.advance(2000)
  await until(() => condition(world, 'Ready') === 'True')
  assert.equal(condition(world, 'Initialized'), 'True')
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

test('a failing readiness probe keeps the pod unready, a failing liveness probe restarts the container', async () => {
  const world = start()
  let healthy = false
  world.runtime.program('check', async () => (healthy ? 0 : 1))
  const probe = { exec: { command: ['check'] }, periodSeconds: 1, failureThreshold: 1 }
  world.api.put(Pod, podSpec('web', { containers: [{ name: 'web', image: 'nginx:1', readinessProbe: probe }] }))
  await until(() => status(world)?.phase === 'Running')
  await world.clock.advance(1500)
  await until(() => world.api.events.some((e) => e.startsWith('Warning Unhealthy web: Readiness probe failed')))
  assert.equal(condition(world, 'Ready'), 'False')
  assert.equal(
    status(world)?.conditions?.find((c) => c.type === 'ContainersReady')?.message,
    'containers with unready status: [web]',
  )
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

test('a container that an engine made of a request that it never answered makes room for the one that is wanted', async () => {
  const world = start()
  world.api.put(Pod, podSpec('web'))
  await until(() => condition(world, 'Ready') === 'True')
  const ctx = { signal: new AbortController().signal, log: silentLogger }
  const { sandboxId } = world.lookup.find('default', 'web')!
  const [running] = await world.runtime.listContainers(ctx)
  const sandbox = (await world.runtime.listPodSandboxes(ctx)).find(({ id }) => id === sandboxId)!
  const left = await world.runtime.createContainer(ctx, sandbox, {
    ...containerConfig(running!.imageId, 'web'),
    metadata: { name: 'web', attempt: 1 },
    labels: running!.labels,
  })
  await world.runtime.stopPodSandbox(ctx, sandboxId!)
  await until(() => container(world)?.restartCount === 1 && condition(world, 'Ready') === 'True')
  assert.ok(!(await world.runtime.listContainers(ctx)).some(({ id }) => id === left))
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
