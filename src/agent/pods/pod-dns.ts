// The resolver settings of a pod's containers: the pure rules of resolv-conf.ts with the node's own file read when a sandbox is made.
import { readFile } from 'node:fs/promises'
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { parseResolvConf } from '../../base/resolv-conf.ts'
import type { EventRecorder } from '../../client/events.ts'
import type { PodSandboxConfig } from '../cri/runtime.ts'
import { podResolvConf } from './resolv-conf.ts'

export interface PodDnsOptions {
  clusterDns: readonly string[]
  clusterDomain: string
  events: EventRecorder
  /** The node's resolver settings; from its files unless given. */
  readHost?: () => Promise<string>
}

export function podDns(options: PodDnsOptions): (pod: DeepReadonly<Pod>) => Promise<PodSandboxConfig['dnsConfig']> {
  const { clusterDns, clusterDomain, events, readHost = readNodeFile } = options
  return async (pod) => {
    const host = parseResolvConf(await readHost())
    const conf = podResolvConf(pod.spec ?? {}, pod.metadata.namespace ?? '', { clusterDns, clusterDomain, host })
    if (conf.omitted) events.event(pod, 'Warning', 'DNSConfigForming', conf.omitted)
    return { servers: conf.nameservers, searches: conf.searches, options: conf.options }
  }
}

/** Where systemd-resolved runs, /etc/resolv.conf names its stub on the node's loopback, which pods cannot reach. */
async function readNodeFile(): Promise<string> {
  const text = await readFile('/etc/resolv.conf', 'utf8').catch(() => '')
  if (!/^nameserver\s+127\.0\.0\.53\s*$/m.test(text)) return text
  return readFile('/run/systemd/resolve/resolv.conf', 'utf8').catch(() => text)
}
