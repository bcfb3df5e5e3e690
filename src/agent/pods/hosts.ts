// Names of a pod: its hostname, its name in cluster DNS, and the /etc/hosts file that its containers see. Pure.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'

/** k8s: what the kernel takes as a hostname. */
const LONGEST_HOSTNAME = 63
const LONGEST_FQDN = 64

export interface PodNames {
  hostname: string
  /** `web.sub.default.svc.cluster.local`, when the pod has a subdomain. */
  domain: string | undefined
}

/** @throws Error when setHostnameAsFQDN asks for a name that the kernel does not take. */
export function podNames(pod: DeepReadonly<Pod>, clusterDomain: string, nodeName: string): PodNames {
  const { spec, metadata } = pod
  if (spec?.hostnameOverride && !spec.hostNetwork) return { hostname: spec.hostnameOverride, domain: undefined }
  const short = truncate(spec?.hostname || metadata.name)
  const domain = spec?.subdomain ? `${short}.${spec.subdomain}.${metadata.namespace}.svc.${clusterDomain}` : undefined
  if (spec?.hostNetwork) return { hostname: nodeName, domain }
  if (!spec?.setHostnameAsFQDN || !domain) return { hostname: short, domain }
  if (domain.length > LONGEST_FQDN)
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${domain} is too long (${LONGEST_FQDN} characters is the max, ${domain.length} characters requested)`,
    )
  return { hostname: domain, domain }
}

const truncate = (name: string) => name.slice(0, LONGEST_HOSTNAME).replace(/[-.]+$/, '')

/** @param nodeHosts the node's own file, for pods in the host's network. */
export function hostsFile(
  pod: DeepReadonly<Pod>,
  names: PodNames,
  podIPs: readonly string[],
  nodeHosts: string,
): string {
  const lines = pod.spec?.hostNetwork
    ? ['# Kubernetes-managed hosts file (host network).', nodeHosts.replace(/\n$/, '')]
    : [
        '# Kubernetes-managed hosts file.',
        '127.0.0.1\tlocalhost',
        '::1\tlocalhost ip6-localhost ip6-loopback',
        'fe00::0\tip6-localnet',
        'fe00::0\tip6-mcastprefix',
        'fe00::1\tip6-allnodes',
        'fe00::2\tip6-allrouters',
        ...podIPs.map((ip) =>
          names.domain && names.domain !== names.hostname
            ? `${ip}\t${names.domain}\t${names.hostname}`
            : names.domain
              ? `${ip}\t${names.domain}\t${names.domain.split('.')[0]}`
              : `${ip}\t${names.hostname}`,
        ),
      ]
  const aliases = pod.spec?.hostAliases ?? []
  if (aliases.length > 0) {
    lines.push('', '# Entries added by HostAliases.')
    for (const { ip, hostnames } of aliases) lines.push(`${ip}\t${(hostnames ?? []).join('\t')}`)
  }
  return `${lines.join('\n')}\n`
}
