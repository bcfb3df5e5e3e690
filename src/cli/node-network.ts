// The names and addresses that a cluster uses on its node, all derived from the settings.
import { createHash } from 'node:crypto'
import { nthAddress } from './cidr.ts'
import type { Config } from './config.ts'

/** Where the agent answers DNS on the pod network's gateway; the kube-dns Service leads there. Not 53: the host may use that. */
export const DNS_PORT = 10_053

export function nodeNetwork(config: Config) {
  // k8s: each node has a /24 of the cluster's pod range; this is the first node's.
  const podCIDR = `${nthAddress(config.podCIDR, 0)}/24`
  return {
    podCIDR,
    podNetwork: {
      name: `skiff-${config.name}`,
      subnet: podCIDR,
      bridge: bridgeName(config.name),
      gateway: nthAddress(podCIDR, 1),
    },
    /** k8s: the tenth address of the Service range. */
    clusterDNS: nthAddress(config.serviceCIDR, 10),
    nftTable: `skiff-${config.name}`,
  }
}

const MOST_CHARACTERS = 15

/** The kernel's names of interfaces are short: a long name is cut, with a digest so that it differs from others with that beginning. */
function bridgeName(cluster: string): string {
  const name = `skiff-${cluster}`
  if (name.length <= MOST_CHARACTERS) return name
  const digest = createHash('sha256').update(cluster).digest('hex').slice(0, 4)
  return `${name.slice(0, MOST_CHARACTERS - digest.length)}${digest}`
}
