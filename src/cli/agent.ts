// `skiff agent`: this machine as a node. Pods through Docker, Services in the kernel (or in userspace), the cluster's DNS.
import { existsSync, readFileSync, watch } from 'node:fs'
import { join } from 'node:path'
import { agentSelection, runAgent } from '../agent/agent.ts'
import type { RuntimeService } from '../agent/cri/runtime.ts'
import { createDockerRuntime, type DockerRuntime } from '../agent/docker/docker-runtime.ts'
import type { PodLookup } from '../agent/server/lookup.ts'
import { startAgentServer } from '../agent/server/server.ts'
import { Node } from '../api/kinds/node.ts'
import { Pod } from '../api/kinds/pod.ts'
import { type Clock, delay, systemClock } from '../base/clock.ts'
import { aborted, type Ctx, child } from '../base/ctx.ts'
import { createClient } from '../client/api-client.ts'
import type { Cache } from '../client/cache.ts'
import { createEventRecorder } from '../client/event-recorder.ts'
import { httpsTransport } from '../client/https-transport.ts'
import { createCache } from '../client/informer-cache.ts'
import { DnsCounters } from '../proxy/dns/counters.ts'
import { runDns } from '../proxy/dns/dns.ts'
import { hostUpstreams } from '../proxy/dns/host-upstreams.ts'
import { createNftablesDataplane, nftablesWorks } from '../proxy/services/nftables.ts'
import { runServiceProxy } from '../proxy/services/service-proxy.ts'
import type { Dataplane } from '../proxy/services/table.ts'
import { createUserspaceDataplane } from '../proxy/services/userspace.ts'
import { writePid, writeReady } from './cluster-process.ts'
import { runComponent } from './component.ts'
import { CliError, type Config, type Flags } from './config.ts'
import { nodeAddress } from './node-address.ts'
import { DNS_PORT, nodeNetwork } from './node-network.ts'
import { isReady, readyCondition } from './node-ready.ts'
import { type Paths, paths } from './paths.ts'
import { clusterConfig } from './settings-file.ts'

const RESOLV_CONF = '/etc/resolv.conf'

export async function run(flags: Flags): Promise<number> {
  const config = clusterConfig(flags)
  return runComponent('agent', (ctx) => runNode(ctx, config, paths(config.dataDir)))
}

/** @throws CliError for a certificate that nobody has made. */
const pemFiles = (files: Paths) => (name: string) => {
  const file = join(files.pki, name)
  if (!existsSync(file)) throw new CliError(`${file} is missing: "skiff up" and "skiff prepare" make it`)
  return readFileSync(file, 'utf8')
}

async function runNode(ctx: Ctx, config: Config, files: Paths): Promise<void> {
  writePid(files, 'agent')
  const clock = systemClock
  const network = nodeNetwork(config)
  const nodeIP = nodeAddress(config.nodeIP)
  const pem = pemFiles(files)
  const transport = httpsTransport({
    server: `https://127.0.0.1:${config.apiPort}`,
    ca: pem('ca.crt'),
    clientCertificate: () => ({ cert: pem(`node-${config.nodeName}.crt`), key: pem(`node-${config.nodeName}.key`) }),
    userAgent: 'kubelet',
  })
  const client = createClient(transport, { fieldManager: 'kubelet' })
  const cache = createCache(ctx, client, clock, { select: agentSelection(config.nodeName) })
  const events = createEventRecorder(ctx, client, clock, { component: 'kubelet', host: config.nodeName })
  const docker = createDockerRuntime({
    socket: config.dockerHost,
    cluster: config.name,
    podNetwork: network.podNetwork,
    log: ctx.log,
    clock,
  })
  const { promise: networkReport, resolve: reportNetwork } = Promise.withResolvers<NetworkReport>()
  const networkReady = prepared(child(ctx, { part: 'docker' }), docker, clock, networkReport)
  announceReady(cache, clock, files)
  const { promise: pods, resolve: found } = Promise.withResolvers<PodLookup>()
  const dnsCounters = new DnsCounters()
  try {
    await Promise.all([
      runAgent(ctx, {
        client,
        cache,
        runtime: docker.runtime,
        images: docker.images,
        events,
        clock,
        nodeName: config.nodeName,
        nodeIPs: [nodeIP],
        dataDir: files.agent,
        podCIDR: network.podCIDR,
        clusterDomain: config.clusterDomain,
        agentPort: config.agentPort,
        clusterDNS: [network.clusterDNS],
        onLookup: found,
        onNetworkReport: reportNetwork,
      }),
      networkReady.then(() => runServices(ctx, { cache, clock, config, nodeIP })),
      networkReady.then(() =>
        runDns(ctx, {
          cache,
          listen: [{ address: network.podNetwork.gateway, port: DNS_PORT }],
          upstreams: hostUpstreams(RESOLV_CONF, clock),
          clusterDomain: config.clusterDomain,
          serviceCIDR: config.serviceCIDR,
          clock,
          counters: dnsCounters,
        }),
      ),
      pods.then((lookup) => serve(ctx, { config, files, cache, runtime: docker.runtime, lookup, clock, dnsCounters })),
    ])
  } finally {
    transport.close()
    docker.close()
    await cache.stopped()
  }
}

type NetworkReport = (problem: string | undefined) => void

/** The pod network and the sandbox image, tried until the Engine is there. */
async function prepared(
  ctx: Ctx,
  docker: DockerRuntime,
  clock: Clock,
  reporter: Promise<NetworkReport>,
): Promise<void> {
  const report = (problem: string | undefined) => void reporter.then((tell) => tell(problem))
  for (let waitMs = 500; ; waitMs = Math.min(waitMs * 2, 10_000)) {
    try {
      await docker.prepare(ctx)
      return report(undefined)
    } catch (err) {
      ctx.signal.throwIfAborted()
      report((err as Error).message)
      ctx.log.warn({ err, waitMs }, 'the pod network is not ready')
      await delay(clock, waitMs, ctx.signal)
    }
  }
}

async function runServices(
  ctx: Ctx,
  { cache, clock, config, nodeIP }: { cache: Cache; clock: Clock; config: Config; nodeIP: string },
): Promise<void> {
  const { podCIDR, podNetwork, nftTable } = nodeNetwork(config)
  const serviceCtx = child(ctx, { component: 'proxy' })
  const dataplane: Dataplane = (await nftablesWorks(serviceCtx))
    ? createNftablesDataplane({ table: nftTable, podCIDR, bridge: podNetwork.bridge })
    : createUserspaceDataplane({ clock })
  serviceCtx.log.info({ dataplane: dataplane.name, nodeIP }, 'services')
  const dns = { ip: podNetwork.gateway, port: DNS_PORT, local: true }
  await runServiceProxy(serviceCtx, {
    cache,
    dataplane,
    clock,
    nodeName: config.nodeName,
    // Every agent answers the cluster's DNS itself: the Service leads to the one of the same node.
    overrides: new Map([
      ['kube-system/kube-dns:dns', dns],
      ['kube-system/kube-dns:dns-tcp', dns],
    ]),
  })
}

interface ServeParts {
  config: Config
  files: Paths
  cache: Cache
  runtime: RuntimeService
  lookup: PodLookup
  clock: Clock
  dnsCounters: DnsCounters
}

/** Logs, exec, port-forward and metrics, for the API server and for those who hold a certificate of the cluster. */
async function serve(
  ctx: Ctx,
  { config, files, cache, runtime, lookup, clock, dnsCounters }: ServeParts,
): Promise<void> {
  const pem = pemFiles(files)
  const certificate = `kubelet-${config.nodeName}.crt`
  const tls = () => ({ cert: pem(certificate), key: pem(`kubelet-${config.nodeName}.key`), clientCa: pem('ca.crt') })
  const server = await startAgentServer(ctx, {
    host: '0.0.0.0',
    port: config.agentPort,
    tls: tls(),
    nodeName: config.nodeName,
    runtime,
    pods: lookup,
    podObjects: () => cache.list(Pod),
    config: () => ({ ...config }),
    metrics: () => dnsCounters.text(),
    dataDirectory: files.agent,
    clock,
  })
  // The server's process renews certificates; the key is written before the certificate.
  const renewals = watch(files.pki, (_event, name) => {
    if (name !== certificate) return
    try {
      server.updateTls(tls())
    } catch (err) {
      ctx.log.error({ err }, 'renewed certificate cannot be used')
    }
  })
  await aborted(ctx.signal)
  renewals.close()
  await server.close()
}

/** `up` waits for this: the node was seen Ready by its own agent, in this run. */
function announceReady(cache: Cache, clock: Clock, files: Paths): void {
  const startedMs = clock.now()
  const off = cache.watch(Node, ({ object }) => {
    const condition = readyCondition(object)
    if (!isReady(object) || Date.parse(condition?.lastHeartbeatTime ?? '') < startedMs - 1000) return
    writeReady(files, 'agent')
    queueMicrotask(() => off())
  })
}
