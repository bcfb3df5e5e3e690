// `skiff agent`: this machine as a node. Pods through Docker, Services in the kernel (or in userspace), the cluster's DNS.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { agentSelection, runAgent } from '../agent/agent.ts'
import { createDockerRuntime, type DockerRuntime } from '../agent/docker/docker-runtime.ts'
import type { PodLookup } from '../agent/logs.ts'
import { podResolvConf } from '../agent/pods/resolv-conf.ts'
import { Node } from '../api/kinds/node.ts'
import { type Clock, delay, systemClock } from '../base/clock.ts'
import { type Ctx, child } from '../base/ctx.ts'
import { parseResolvConf } from '../base/resolv-conf.ts'
import { createClient } from '../client/api-client.ts'
import type { Cache } from '../client/cache.ts'
import { createEventRecorder } from '../client/event-recorder.ts'
import { httpsTransport } from '../client/https-transport.ts'
import { createCache } from '../client/informer-cache.ts'
import { runDns } from '../proxy/dns/dns.ts'
import { hostUpstreams } from '../proxy/dns/host-upstreams.ts'
import { createNftablesDataplane, nftablesWorks } from '../proxy/services/nftables.ts'
import { runServiceProxy } from '../proxy/services/service-proxy.ts'
import type { Dataplane } from '../proxy/services/table.ts'
import { createUserspaceDataplane } from '../proxy/services/userspace.ts'
import { writeReady } from './cluster-process.ts'
import { runComponent } from './component.ts'
import { type Config, type Flags, resolveConfig } from './config.ts'
import { nodeAddress } from './node-address.ts'
import { DNS_PORT, nodeNetwork } from './node-network.ts'
import { isReady, readyCondition } from './node-ready.ts'
import { type Paths, paths } from './paths.ts'

const RESOLV_CONF = '/etc/resolv.conf'
const CONTROL_PLANE = 'node-role.kubernetes.io/control-plane'

export async function run(flags: Flags): Promise<number> {
  const config = await resolveConfig(flags)
  return runComponent('agent', (ctx) => runNode(ctx, config, paths(config.dataDir)))
}

async function runNode(ctx: Ctx, config: Config, files: Paths): Promise<void> {
  const clock = systemClock
  const network = nodeNetwork(config)
  const nodeIP = nodeAddress(config.nodeIP)
  const pem = (name: string) => readFileSync(join(files.pki, name), 'utf8')
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
  const networkReady = prepared(child(ctx, { part: 'docker' }), docker, clock)
  announceReady(cache, clock, config, files)
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
        labels: { [CONTROL_PLANE]: '' },
        async dnsConfig(pod) {
          const host = parseResolvConf(readFileSync(RESOLV_CONF, 'utf8'))
          const { nameservers, searches, options } = podResolvConf(pod.spec, pod.metadata.namespace, {
            clusterDns: [network.clusterDNS],
            clusterDomain: config.clusterDomain,
            host,
          })
          return { servers: nameservers, searches, options }
        },
        onLookup: (lookup) => startStreaming(ctx, { config, files, docker, lookup }),
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
        }),
      ),
    ])
  } finally {
    transport.close()
    docker.close()
    await cache.stopped()
  }
}

/** The pod network and the sandbox image, tried until the Engine is there. */
async function prepared(ctx: Ctx, docker: DockerRuntime, clock: Clock): Promise<void> {
  for (let waitMs = 500; ; waitMs = Math.min(waitMs * 2, 10_000)) {
    try {
      return await docker.prepare(ctx)
    } catch (err) {
      ctx.signal.throwIfAborted()
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

/** `up` waits for this: the node was seen Ready by its own agent, in this run. */
function announceReady(cache: Cache, clock: Clock, config: Config, files: Paths): void {
  const startedMs = clock.now()
  const off = cache.watch(Node, ({ object }) => {
    const condition = readyCondition(object)
    if (!isReady(object) || Date.parse(condition?.lastHeartbeatTime ?? '') < startedMs - 1000) return
    writeReady(files, 'agent')
    queueMicrotask(() => off())
  })
}
