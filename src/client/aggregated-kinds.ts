// The kinds that other servers serve behind this API, as a client knows them: which group-versions there are comes from the APIServices
// in its cache, what is in them from their discovery documents, read when a server becomes available. Nothing is asked where there is
// no such server.
import { APIService } from '../api/kinds/api-service.ts'
import type { Kind, Verb } from '../api/kinds/kind.ts'
import { isConditionTrue } from '../api/meta/conditions.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import { byPreference } from '../api/meta/versions.ts'
import type { APIResourceList } from '../api/types/meta.v1.ts'
import type { Clock } from '../base/clock.ts'
import type { Ctx } from '../base/ctx.ts'
import type { Cache } from './cache.ts'
import type { Client } from './client.ts'
import { looseKind } from './custom-kinds.ts'
import { WorkQueue } from './work-queue.ts'

export interface RemoteGroupVersion {
  /** `metrics.k8s.io/v1beta1`. */
  readonly groupVersion: string
  readonly group: string
  readonly available: boolean
}

interface Parts {
  readonly cache: Cache
  readonly client: Client
  readonly clock: Clock
}

const isRemote = ({ spec }: DeepReadonly<APIService>) => spec.service !== undefined && spec.service !== null
const isAvailable = ({ status }: DeepReadonly<APIService>) => isConditionTrue(status?.conditions, 'Available')

/** Whether this is the APIService of another server. */
export const isRemoteService = isRemote

/** What other servers serve, the preferred version of a group first; APIServices must be followed by the cache. */
export function remoteGroupVersions(cache: Cache): RemoteGroupVersion[] {
  return cache
    .list(APIService)
    .filter(isRemote)
    .sort(
      ({ spec: a }, { spec: b }) =>
        b.versionPriority - a.versionPriority || byPreference(a.version ?? '', b.version ?? ''),
    )
    .map((service) => ({
      groupVersion: `${service.spec.group}/${service.spec.version}`,
      group: service.spec.group ?? '',
      available: isAvailable(service),
    }))
}

/** The kinds of one group-version, by its discovery document. @throws what the server answers instead */
export async function discoverKinds(ctx: Ctx, client: Client, groupVersion: string): Promise<Kind<never>[]> {
  const { resources } = (await client.raw(ctx, 'GET', `/apis/${groupVersion}`)) as Partial<APIResourceList>
  if (!Array.isArray(resources)) throw new Error(`${groupVersion} has no discovery document`)
  const [group = '', version = ''] = groupVersion.split('/')
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, kind, namespaced, singularName, verbs }) =>
      looseKind({
        group,
        version,
        kind,
        plural: name,
        singular: singularName || kind.toLowerCase(),
        listKind: `${kind}List`,
        namespaced,
        verbs: verbs as readonly Verb[],
      }),
    )
}

/** Of each resource the version that comes first. */
export function preferredOnly(kinds: readonly Kind<never>[]): Kind<never>[] {
  const seen = new Set<string>()
  return kinds.filter(({ group, plural }) => {
    const name = `${group}/${plural}`
    return !seen.has(name) && seen.add(name)
  })
}

const identityOf = ({ apiVersion, plural, kind, scope, verbs }: Kind<never>) =>
  [apiVersion, plural, kind, scope, ...verbs].join(' ')

/**
 * Calls `onKind` for each kind of an available server and each that comes; what it returns is called when the kind is served no more,
 * if only for a while. Returns what ends it all.
 */
export function followAggregatedKinds(ctx: Ctx, parts: Parts, onKind: (kind: Kind<never>) => () => void): () => void {
  const { cache, client, clock } = parts
  const queue = new WorkQueue(clock, { firstMs: 250, maxMs: 30_000 })
  /** What was last seen of each APIService that leads to an available server. */
  const services = new Map<string, string>()
  /** Of each group, what ends following its kinds. */
  const groups = new Map<string, Map<string, () => void>>()

  async function look(group: string): Promise<void> {
    const wanted = remoteGroupVersions(cache).filter((each) => each.group === group && each.available)
    const found = await Promise.all(wanted.map(({ groupVersion }) => discoverKinds(ctx, client, groupVersion)))
    const kinds = new Map(preferredOnly(found.flat()).map((kind) => [identityOf(kind), kind]))
    const current = groups.get(group) ?? new Map<string, () => void>()
    groups.set(group, current)
    for (const [identity, stop] of [...current]) {
      if (kinds.has(identity)) continue
      current.delete(identity)
      stop()
    }
    for (const [identity, kind] of kinds) if (!current.has(identity)) current.set(identity, onKind(kind))
    if (current.size === 0) groups.delete(group)
  }

  async function work(): Promise<void> {
    for (let group = await queue.take(); group !== undefined; group = await queue.take()) {
      try {
        await look(group)
        queue.forget(group)
      } catch (err) {
        if (ctx.signal.aborted) return
        const retryInMs = queue.addFailed(group)
        ctx.log.debug({ err, group, retryInMs }, 'what another server serves is not known yet')
      }
      queue.done(group)
    }
  }

  const unfollow = cache.watch(APIService, ({ type, object }) => {
    const { name, uid } = object.metadata
    const usable = type !== 'deleted' && isRemote(object) && isAvailable(object)
    const identity = usable ? `${uid} ${JSON.stringify(object.spec)}` : ''
    if ((services.get(name) ?? '') === identity) return
    if (usable) services.set(name, identity)
    else services.delete(name)
    queue.add(object.spec.group ?? '')
  })
  void work()
  return () => {
    unfollow()
    queue.close()
    for (const stops of groups.values()) for (const stop of stops.values()) stop()
    groups.clear()
  }
}
