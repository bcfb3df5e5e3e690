// `skiff server`: the control plane. The API server with its database; the scheduler and the controllers as its in-process clients.

import type { Kind } from '../api/kinds/kind.ts'
import type { RequestHandler } from '../api/wire.ts'
import { type ApiServer, createApiServer } from '../apiserver/server.ts'
import { openLevelStore } from '../apiserver/storage/leveldb.ts'
import { systemClock } from '../base/clock.ts'
import { type Ctx, child } from '../base/ctx.ts'
import { releaseStartMemory } from '../base/heap.ts'
import { keepRenewed, type Pki } from '../base/pki.ts'
import { createClient } from '../client/api-client.ts'
import { createEventRecorder } from '../client/event-recorder.ts'
import { inProcessTransport } from '../client/in-process-transport.ts'
import { createCache } from '../client/informer-cache.ts'
import { ControllerMetrics } from '../controllers/metrics.ts'
import { runAllControllers } from '../controllers/registry.ts'
import { keptOfConfigMap } from '../controllers/root-ca.ts'
import { SchedulerMetrics } from '../scheduler/metrics.ts'
import { runScheduler } from '../scheduler/scheduler.ts'
import { accessOptions } from './access-config.ts'
import { keepAccess } from './access-reload.ts'
import { admissionSettings } from './admission-settings.ts'
import { openAudit } from './audit.ts'
import { writePid, writeReady } from './cluster-process.ts'
import { runComponent } from './component.ts'
import { CliError, type Config, type Flags } from './config.ts'
import { clusterInfo, clusterPki, nodePairs, writeKubeconfig } from './credentials.ts'
import { databaseSize } from './database-size.ts'
import { openSealer, renewWhenTold } from './encryption.ts'
import { nodeAddress } from './node-address.ts'
import { type Paths, paths } from './paths.ts'
import { clusterConfig } from './settings-file.ts'
import { reloadTokenKeysWhenTold } from './token-keys.ts'

export async function run(flags: Flags): Promise<number> {
  const config = clusterConfig(flags)
  return runComponent('server', (ctx) => runControlPlane(ctx, config, paths(config.dataDir)))
}

async function runControlPlane(ctx: Ctx, config: Config, files: Paths): Promise<void> {
  writePid(files, 'server')
  const clock = systemClock
  const admission = admissionSettings(config)
  const sealer = await openSealer(config, files)
  const [pki, store] = await Promise.all([clusterPki(config, files), openLevelStore(ctx, files.database, { sealer })])
  const encryption = renewWhenTold(ctx, config, files, { store, sealer })
  const audit = await openAudit(config, files, ctx.log)
  const accessParts = { store, clock, random: Math.random }
  const metrics = { controllers: new ControllerMetrics(), scheduler: new SchedulerMetrics() }
  try {
    const server = await createApiServer({
      store,
      clock,
      log: ctx.log,
      pki,
      ...(audit ? { audit } : {}),
      serviceCIDR: config.serviceCIDR,
      admission,
      advertiseAddress: nodeAddress(config.nodeIP),
      ...(await accessOptions(config, accessParts)),
      moreMetrics: () => metrics.controllers.format() + metrics.scheduler.format() + databaseSize(files.database),
    })
    let stopReloading = () => {}
    try {
      await server.listen({ host: '0.0.0.0', port: config.apiPort }).catch((err: NodeJS.ErrnoException) => {
        if (err.code !== 'EADDRINUSE') throw err
        throw new CliError(`port ${config.apiPort} is already taken: choose another with --api-port`)
      })
      let node = await nodePairs(pki, config)
      const pairs = () => [pki.server, pki.kubeletClient, pki.frontProxy.client, pki.admin, node.client, node.serving]
      keepRenewed(ctx, clock, pairs, async () => {
        await pki.renew()
        server.renewTls(pki.server)
        node = await nodePairs(pki, config) // the agent sees its new files by itself
        await writeKubeconfig(pki, config, files)
      })
      const endings = [reloadTokenKeysWhenTold(ctx, pki, server), keepAccess(ctx, config, accessParts, server)]
      stopReloading = () => {
        for (const end of endings) end()
      }
      writeReady(files, 'server')
      releaseStartMemory(clock)
      await Promise.all([
        schedule(child(ctx, { component: 'scheduler' }), server.handler, metrics.scheduler),
        control(child(ctx, { component: 'controllers' }), server, metrics.controllers, pki, config),
      ])
    } finally {
      stopReloading()
      await server.close()
    }
  } finally {
    await audit?.sink.close()
    await encryption.stop()
    await store.close()
  }
}

/** k8s: the scheduler is a user like any other, with the role of its name. */
async function schedule(ctx: Ctx, handler: RequestHandler, metrics: SchedulerMetrics): Promise<void> {
  const user = { name: 'system:kube-scheduler', groups: ['system:authenticated'] }
  const { client, cache, clock } = parts(ctx, handler, user, 'kube-scheduler')
  const events = createEventRecorder(ctx, client, clock, { component: 'default-scheduler' })
  await runScheduler(ctx, { client, cache, events, clock, metrics })
  await Promise.all([cache.stopped(), events.settled()])
}

/** The controllers may do everything: together they delete, mark and make objects of every kind there is. */
async function control(
  ctx: Ctx,
  server: ApiServer,
  metrics: ControllerMetrics,
  pki: Pki,
  config: Config,
): Promise<void> {
  const user = { name: 'system:kube-controller-manager', groups: ['system:masters', 'system:authenticated'] }
  const { client, cache, clock } = parts(ctx, server.handler, user, 'kube-controller-manager')
  const events = createEventRecorder(ctx, client, clock, { component: 'controllers' })
  const deps = { client, cache, events, clock, metrics }
  await runAllControllers(ctx, deps, {
    ca: pki.authorityCert,
    authority: pki.authority,
    clusterInfo: clusterInfo(pki, config),
    ownNode: config.nodeName,
    signToken: async (claims) => server.tokens!.sign(claims),
  })
  await Promise.all([cache.stopped(), events.settled()])
}

function parts(ctx: Ctx, handler: RequestHandler, user: { name: string; groups: string[] }, fieldManager: string) {
  const client = createClient(inProcessTransport(handler, { user, userAgent: fieldManager }), { fieldManager })
  const keep = (kind: Kind<never>) => (kind.group === '' && kind.kind === 'ConfigMap' ? keptOfConfigMap : undefined)
  return { client, cache: createCache(ctx, client, systemClock, { keep }), clock: systemClock }
}
