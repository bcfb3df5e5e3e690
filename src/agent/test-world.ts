// For tests: the whole agent on a fake runtime, a fake clock and an API in memory.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pod } from '../api/kinds/pod.ts'
import { FakeClock } from '../base/clock.ts'
import { silentLogger } from '../base/log.ts'
import { runAgent } from './agent.ts'
import { FakeRuntime } from './cri/fake.ts'
import type { PodLookup } from './server/lookup.ts'
import { TestApi } from './test-api.ts'

const cleanups: (() => Promise<void> | void)[] = []
/** For `afterEach`: ends every agent that the test started. */
export async function stopWorlds(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
}

export interface World {
  api: TestApi
  runtime: FakeRuntime
  clock: FakeClock
  dataDir: string
  lookup: PodLookup
  /** As the pod network's owner says it. */
  reportNetwork(problem: string | undefined): void
  stop(): Promise<void>
}

export function start(from: Partial<World> = {}): World {
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
      onNetworkReport: (report) => {
        world.reportNetwork = report
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
export async function settle(turns = 60): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setTimeout(resolve, 5))
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
}

export async function until(what: () => unknown, clock?: FakeClock, limitMs = 0): Promise<void> {
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

export const podSpec = (name: string, spec: object = {}) => ({
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
export const shell = (script: string, more: object = {}) => ({
  name: 'web',
  image: 'busybox:1',
  imagePullPolicy: 'IfNotPresent',
  command: ['sh', '-c', script],
  ...more,
})
export const status = (world: World, name = 'web') => world.api.get(Pod, name, 'default')?.status
export const condition = (world: World, type: string, name = 'web') =>
  status(world, name)?.conditions?.find((c) => c.type === type)?.status
export const container = (world: World, name = 'web') => status(world, name)?.containerStatuses?.[0]
export const started = (world: World) => world.runtime.calls.filter((c) => c.startsWith('startContainer'))
