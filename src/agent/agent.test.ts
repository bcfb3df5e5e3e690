// The node as a whole: its registration, what it adopts, and what it does while the API or the engine is away.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import type { Kind } from '../api/kinds/kind.ts'
import { Lease } from '../api/kinds/lease.ts'
import { Node } from '../api/kinds/node.ts'
import { Pod } from '../api/kinds/pod.ts'
import { silentLogger } from '../base/log.ts'
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
} from './test-world.ts'

afterEach(stopWorlds)

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

test('a restarted agent leaves a crash loop its back-off', async () => {
  const first = start()
  first.api.put(Pod, podSpec('web', { containers: [shell('exit 3')] }))
  await until(() => container(first)?.state?.waiting?.reason === 'CrashLoopBackOff')
  await first.clock.advance(10_000)
  await until(() => container(first)?.restartCount === 2 && container(first)?.state?.waiting)
  await first.stop()
  const second = start({ ...first })
  await until(() => second.lookup?.find('default', 'web')?.containers.get('web')?.currentId)
  await second.clock.advance(15_000)
  await settle()
  assert.equal(started(second).length, 3)
  assert.match(container(second)?.state?.waiting?.message ?? '', /^back-off 20s /)
  await second.clock.advance(6000)
  await until(() => started(second).length === 4)
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

test('a node whose pods cannot have a network is not ready, and says why', async () => {
  const world = start()
  const ready = () => world.api.get(Node, 'n1')?.status?.conditions?.find((c) => c.type === 'Ready')
  await until(() => ready()?.status === 'True')
  world.reportNetwork('Pool overlaps with other one on this address space')
  await until(() => ready()?.status === 'False')
  assert.match(ready()?.message ?? '', /^container runtime network not ready: .*message:Pool overlaps with other one/)
  world.reportNetwork(undefined)
  await until(() => ready()?.status === 'True')
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
