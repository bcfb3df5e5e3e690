// A whole cluster in one process, for stories: the real API server over the memory store, the real controllers, nodes played by
// fake-kubelet.ts, and a clock that a story moves. The scheduler's part is played by whoever is ready and has the fewest pods.
import { Node } from '../../src/api/kinds/node.ts'
import { Pod } from '../../src/api/kinds/pod.ts'
import { isConditionTrue } from '../../src/api/meta/conditions.ts'
import { isTerminal } from '../../src/api/meta/pods.ts'
import { createApiServer } from '../../src/apiserver/server.ts'
import { openMemoryStore } from '../../src/apiserver/storage/memory.ts'
import { FakeClock } from '../../src/base/clock.ts'
import type { Ctx } from '../../src/base/ctx.ts'
import { silentLogger } from '../../src/base/log.ts'
import { createClient } from '../../src/client/api-client.ts'
import type { Client } from '../../src/client/client.ts'
import { createEventRecorder } from '../../src/client/event-recorder.ts'
import { inProcessTransport } from '../../src/client/in-process-transport.ts'
import { createCache, type InformerCache } from '../../src/client/informer-cache.ts'
import { runAllControllers } from '../../src/controllers/registry.ts'
import { FakeKubelets } from './fake-kubelet.ts'

export interface Cluster {
  readonly ctx: Ctx
  readonly clock: FakeClock
  readonly client: Client
  readonly cache: InformerCache
  readonly kubelets: FakeKubelets
  /** Changes with every write. */
  revision(): number
  /** Lets everything run that can run without time passing. */
  settle(): Promise<void>
  /** The controllers end and begin anew, remembering nothing. */
  restartControllers(): Promise<void>
  stop(): Promise<void>
}

/** How many turns of the event loop without a write count as standing still. */
const QUIET_TURNS = 6

export async function startCluster(log = silentLogger): Promise<Cluster> {
  const stop = new AbortController()
  const ctx: Ctx = { signal: stop.signal, log }
  const clock = new FakeClock()
  const store = openMemoryStore()
  const server = await createApiServer({ store, clock, log, serviceCIDR: '10.96.0.0/16' })
  const clientFor = (name: string) =>
    createClient(inProcessTransport(server.handler, { user: { name, groups: ['system:masters'] }, userAgent: name }))
  const client = clientFor('story')
  const controllersClient = clientFor('controllers')
  const cache = createCache(ctx, client, clock)
  let controllers = startControllers(ctx, controllersClient, clock)
  const kubelets = new FakeKubelets(ctx, clientFor('kubelet'), cache, clock)
  bindPods(ctx, clientFor('scheduler'), cache)
  await cache.synced(ctx.signal)

  const cluster: Cluster = {
    ctx,
    clock,
    client,
    cache,
    kubelets,
    revision: () => store.revision,
    async settle() {
      for (let quiet = 0, seen = store.revision; quiet < QUIET_TURNS; quiet++) {
        await new Promise((resolve) => setImmediate(resolve))
        if (store.revision !== seen) quiet = 0
        seen = store.revision
      }
    },
    async restartControllers() {
      await controllers.stop()
      controllers = startControllers(ctx, controllersClient, clock)
    },
    async stop() {
      await controllers.stop()
      stop.abort(new Error('the story is over'))
      await cache.stopped()
      await server.close()
      await store.close()
    },
  }
  await cluster.settle()
  return cluster
}

function startControllers(ctx: Ctx, client: Client, clock: FakeClock) {
  const stop = new AbortController()
  const own = { ...ctx, signal: stop.signal }
  const cache = createCache(own, client, clock)
  const events = createEventRecorder(own, client, clock, { component: 'controllers' })
  const running = runAllControllers(
    own,
    { client, cache, events, clock },
    { ca: 'CA', signToken: async (claims) => `token of ${claims['sub']}` },
  )
  return {
    async stop() {
      stop.abort(new Error('the controllers end'))
      await Promise.all([running, cache.stopped(), events.settled()])
    },
  }
}

function bindPods(ctx: Ctx, client: Client, cache: InformerCache): void {
  const binding = new Set<string>()
  const bind = () => {
    for (const pod of cache.list(Pod)) {
      const { name, namespace, uid, deletionTimestamp } = pod.metadata
      if (pod.spec.nodeName || deletionTimestamp || isTerminal(pod) || binding.has(uid)) continue
      const node = freest(cache)
      if (!node) return
      binding.add(uid)
      const body = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name, namespace },
        target: { kind: 'Node', name: node },
      }
      client.createSubresource(ctx, Pod as never, { name, namespace }, 'binding', body).catch(() => binding.delete(uid))
    }
  }
  cache.watch(Pod, bind)
  cache.watch(Node, bind)
}

function freest(cache: InformerCache): string | undefined {
  const load = (name: string) => cache.list(Pod).filter((pod) => pod.spec.nodeName === name).length
  return cache
    .list(Node)
    .filter(({ status, spec }) => isConditionTrue(status?.conditions, 'Ready') && !spec?.taints?.length)
    .map(({ metadata: { name } }) => ({ name, load: load(name) }))
    .sort((a, b) => a.load - b.load || (a.name < b.name ? -1 : 1))[0]?.name
}
