// The discovery documents, made from the served kinds alone: the legacy ones (one per group and version) and the aggregated one,
// which tells everything in two requests. Pure.
import type { Kind } from '../../api/kinds/kind.ts'
import type { APIGroupDiscovery, APIResourceDiscovery } from '../../api/types/apidiscovery.v2.ts'
import type { APIGroup, APIResource } from '../../api/types/meta.v1.ts'
import { type ServedGroup, type ServedVersion, storageVersionHash, subresourceFacts } from '../resources.ts'

const groupVersion = (group: string, version: string) => (group ? `${group}/${version}` : version)
const byName = <T>(nameOf: (item: T) => string) => {
  return (a: T, b: T) => (nameOf(a) < nameOf(b) ? -1 : 1)
}

/** /api */
export function apiVersions(address: string): object {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  }
}

/** An item of /apis, without type names; /apis/<group> adds them. */
export function apiGroup({ group, versions }: ServedGroup): Omit<APIGroup, 'apiVersion' | 'kind'> {
  const list = versions.map(({ version }) => ({ groupVersion: groupVersion(group, version), version }))
  return { name: group, versions: list, preferredVersion: list[0]! }
}

/** /apis */
export function apiGroupList(groups: readonly ServedGroup[]): object {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.filter((g) => g.group !== '').map(apiGroup) }
}

/** /api/v1 and /apis/<group>/<version> */
export function apiResourceList(group: string, { version, kinds }: ServedVersion): object {
  return {
    kind: 'APIResourceList',
    ...(group ? { apiVersion: 'v1' } : {}),
    groupVersion: groupVersion(group, version),
    // k8s: of custom kinds the status comes before the scale.
    resources: kinds.some(({ custom }) => custom)
      ? [...kinds].sort(byName(({ plural }) => plural)).flatMap(apiResources)
      : kinds.flatMap(apiResources).sort(byName((r) => r.name)),
  }
}

/** k8s: of custom kinds in the order in which they are installed. */
const CUSTOM_VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch']
const verbsOf = ({ custom, verbs }: Kind): string[] => (custom ? [...CUSTOM_VERBS] : [...verbs].sort())

function apiResources(kind: Kind): APIResource[] {
  const namespaced = kind.scope === 'Namespaced'
  const stored = kind.verbs.includes('get') && kind.verbs.includes('create')
  const own: APIResource = {
    name: kind.plural,
    singularName: kind.singular,
    namespaced,
    kind: kind.kind,
    verbs: verbsOf(kind),
    ...(kind.shortNames.length ? { shortNames: [...kind.shortNames] } : {}),
    ...(kind.categories.length ? { categories: [...kind.categories] } : {}),
    ...(stored ? { storageVersionHash: storageVersionHash(kind) } : {}),
  }
  const subs = kind.subresources.map((subresource): APIResource => {
    const facts = subresourceFacts(kind, subresource)
    const foreign = facts.kind && (facts.kind.group !== kind.group || facts.kind.version !== kind.version)
    return {
      name: `${kind.plural}/${subresource}`,
      singularName: '',
      namespaced,
      ...(foreign ? { group: facts.kind!.group, version: facts.kind!.version } : {}),
      kind: facts.kind?.kind ?? kind.kind,
      verbs: [...facts.verbs],
    }
  })
  return [own, ...subs]
}

/** The aggregated form of /api or /apis. */
export function aggregated(groups: readonly ServedGroup[]): object {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(
      ({ group, versions }): Omit<APIGroupDiscovery, 'apiVersion' | 'kind'> => ({
        metadata: { ...(group ? { name: group } : {}), creationTimestamp: null as never },
        versions: versions.map(({ version, kinds }) => ({
          version,
          resources: kinds.map(resourceDiscovery).sort(byName((r) => r.resource)),
          freshness: 'Current',
        })),
      }),
    ),
  }
}

function resourceDiscovery(kind: Kind): APIResourceDiscovery {
  const scope = kind.scope === 'Namespaced' ? 'Namespaced' : 'Cluster'
  const responseKind = { group: kind.group, version: kind.version, kind: kind.kind }
  return {
    resource: kind.plural,
    responseKind,
    scope,
    singularResource: kind.singular,
    verbs: verbsOf(kind),
    ...(kind.shortNames.length ? { shortNames: [...kind.shortNames] } : {}),
    ...(kind.categories.length ? { categories: [...kind.categories] } : {}),
    ...(kind.subresources.length
      ? {
          subresources: kind.subresources
            .map((subresource) => {
              const facts = subresourceFacts(kind, subresource)
              return { subresource, responseKind: facts.kind ?? responseKind, verbs: [...facts.verbs] }
            })
            .sort(kind.custom ? () => 0 : byName((s) => s.subresource)),
        }
      : {}),
  }
}
