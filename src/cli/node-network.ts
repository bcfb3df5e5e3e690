// The names and addresses that a cluster uses on its node, all derived from the settings.
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
      // The kernel's names have at most 15 characters.
      bridge: `skiff-${config.name}`.slice(0, 15),
      gateway: nthAddress(podCIDR, 1),
    },
    /** k8s: the tenth address of the Service range. */
    clusterDNS: nthAddress(config.serviceCIDR, 10),
    nftTable: `skiff-${config.name}`,
  }
}
