// What a pod's /etc/resolv.conf holds, from its dnsPolicy and dnsConfig, the cluster's DNS address and the host's own resolv.conf. Pure.
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { PodSpec } from '../../api/types/core.v1.ts'
import type { ResolvConf } from '../../base/resolv-conf.ts'

export interface DnsSettings {
  /** The kube-dns Service's addresses; empty when the cluster has no DNS. */
  readonly clusterDns: readonly string[]
  /** `cluster.local` */
  readonly clusterDomain: string
  readonly host: ResolvConf
}

// k8s: what the resolver and the kubelet take of each
const MAX_NAMESERVERS = 3
const MAX_SEARCHES = 32
const MAX_SEARCH_CHARACTERS = 2048

export interface PodResolvConf extends ResolvConf {
  /** What had to be left out, in the words of the DNSConfigForming event. */
  readonly omitted?: string
}

type Spec = DeepReadonly<Pick<PodSpec, 'dnsPolicy' | 'dnsConfig' | 'hostNetwork'>>

export function podResolvConf(spec: Spec, namespace: string, settings: DnsSettings): PodResolvConf {
  const base = byPolicy(spec, namespace, settings)
  const config = spec.dnsConfig
  const merged = {
    nameservers: unique([...base.nameservers, ...(config?.nameservers ?? [])]),
    searches: unique([...base.searches, ...(config?.searches ?? [])]),
    options: mergeOptions(base.options, config?.options ?? []),
  }
  return withinLimits(merged)
}

function byPolicy(spec: Spec, namespace: string, { clusterDns, clusterDomain, host }: DnsSettings): ResolvConf {
  switch (spec.dnsPolicy ?? 'ClusterFirst') {
    case 'None':
      return { nameservers: [], searches: [], options: [] }
    case 'Default':
      return host
    case 'ClusterFirst':
      // k8s: a pod on the host's network resolves as the host does, unless it asks for the cluster
      if (spec.hostNetwork) return host
  }
  if (clusterDns.length === 0) return host
  const domains = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain]
  return { nameservers: clusterDns, searches: [...domains, ...host.searches], options: ['ndots:5'] }
}

const unique = (values: readonly string[]) => [...new Set(values)]

/** An option of the pod takes the place of the one with the same name. */
function mergeOptions(
  base: readonly string[],
  own: readonly { readonly name?: string; readonly value?: string }[],
): string[] {
  const merged = new Map(base.map((option) => [option.split(':')[0]!, option]))
  for (const { name, value } of own) {
    if (name) merged.set(name, value === undefined || value === '' ? name : `${name}:${value}`)
  }
  return [...merged.values()]
}

function withinLimits(conf: ResolvConf): PodResolvConf {
  const omitted: string[] = []
  const nameservers = conf.nameservers.slice(0, MAX_NAMESERVERS)
  if (nameservers.length < conf.nameservers.length) {
    omitted.push(
      'Nameserver limits were exceeded, some nameservers have been omitted, ' +
        `the applied nameserver line is: ${nameservers.join(' ')}`,
    )
  }
  const searches = conf.searches.slice(0, MAX_SEARCHES)
  while (searches.join(' ').length > MAX_SEARCH_CHARACTERS) searches.pop()
  if (searches.length < conf.searches.length) {
    omitted.push(
      'Search Line limits were exceeded, some search paths have been omitted, ' +
        `the applied search line is: ${searches.join(' ')}`,
    )
  }
  return { ...conf, nameservers, searches, ...(omitted.length > 0 && { omitted: omitted.join('; ') }) }
}
