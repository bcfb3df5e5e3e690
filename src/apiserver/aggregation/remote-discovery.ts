// Discovery of what other servers serve, merged into this one's: which groups there are and in which order comes from the
// APIServices, what is in a version from the server itself. A server that doesn't answer has its versions shown as stale, so that
// clients say which one they miss and go on with the rest.
import type { APIService } from '../../api/kinds/api-service.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type {
  APIGroupDiscoveryList,
  APIResourceDiscovery,
  APISubresourceDiscovery,
  APIVersionDiscovery,
} from '../../api/types/apidiscovery.v2.ts'
import type { APIResource, APIResourceList } from '../../api/types/meta.v1.ts'
import type { Aggregator } from './aggregator.ts'
import type { RemoteService } from './remote-service.ts'

export const AGGREGATED_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

export interface RemoteGroup {
  readonly group: string
  readonly priority: number
  /** The preferred one first. */
  readonly versions: readonly RemoteService[]
}

export function remoteGroups(aggregator: Aggregator): RemoteGroup[] {
  const byGroup = new Map<string, RemoteService[]>()
  for (const remote of aggregator.remotes) byGroup.set(remote.group, [...(byGroup.get(remote.group) ?? []), remote])
  return [...byGroup].map(([group, versions]) => ({
    group,
    priority: Math.max(...versions.map(({ spec }) => spec.groupPriorityMinimum)),
    versions: versions.sort((a, b) => preferred(a.spec, b.spec)),
  }))
}

type Spec = DeepReadonly<APIService>['spec']

/** k8s: by priority; equal ones as versions go: GA before beta before alpha, newer before older. */
function preferred(a: Spec, b: Spec): number {
  if (a.versionPriority !== b.versionPriority) return b.versionPriority - a.versionPriority
  return rank(b.version ?? '') - rank(a.version ?? '')
}

function rank(version: string): number {
  const [, major = '0', stage = '', minor = '0'] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? []
  const stages: Readonly<Record<string, number>> = { '': 3, beta: 2, alpha: 1 }
  return (stages[stage] ?? 0) * 1e6 + Number(major) * 1e3 + Number(minor)
}

/** The version as aggregated discovery tells of it. */
export async function versionDiscovery(remote: RemoteService): Promise<APIVersionDiscovery> {
  const { group, version } = remote
  const stale = { version, freshness: 'Stale' } as APIVersionDiscovery
  if (!remote.available) return stale
  const list = (await remote.document('/apis', AGGREGATED_TYPE)) as Partial<APIGroupDiscoveryList> | undefined
  if (list?.kind === 'APIGroupDiscoveryList') {
    const found = list.items?.find(({ metadata }) => metadata?.name === group)?.versions
    const own = found?.find((each) => each.version === version)
    if (own) return { ...own, freshness: 'Current' }
  }
  const legacy = (await remote.document(`/apis/${group}/${version}`, 'application/json')) as APIResourceList | undefined
  if (!Array.isArray(legacy?.resources)) return stale
  return { version, freshness: 'Current', resources: fromLegacy(group, version, legacy.resources) }
}

/** The older form of a version's resources as the aggregated one. */
export function fromLegacy(
  group: string,
  version: string,
  resources: readonly DeepReadonly<APIResource>[],
): APIResourceDiscovery[] {
  const kindOf = (resource: DeepReadonly<APIResource>) => ({
    group: resource.group ?? group,
    version: resource.version ?? version,
    kind: resource.kind,
  })
  const own = resources.filter(({ name }) => !name.includes('/'))
  return own.map((resource) => {
    const prefix = `${resource.name}/`
    const subresources = resources
      .filter(({ name }) => name.startsWith(prefix))
      .map(
        (sub): APISubresourceDiscovery => ({
          subresource: sub.name.slice(prefix.length),
          responseKind: kindOf(sub),
          verbs: [...sub.verbs],
        }),
      )
    return {
      resource: resource.name,
      responseKind: kindOf(resource),
      scope: resource.namespaced ? 'Namespaced' : 'Cluster',
      singularResource: resource.singularName,
      verbs: [...resource.verbs],
      ...(resource.shortNames ? { shortNames: [...resource.shortNames] } : {}),
      ...(resource.categories ? { categories: [...resource.categories] } : {}),
      ...(subresources.length > 0 ? { subresources } : {}),
    } as APIResourceDiscovery
  })
}
