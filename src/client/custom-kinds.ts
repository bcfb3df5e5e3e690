// The kinds that come and go while the cluster runs, as a client knows them: from the definitions in its cache, which it follows anyhow.
// What such a kind's objects are like is the server's affair; here they have metadata.
import { CustomResourceDefinition } from '../api/kinds/custom-resource-definition.ts'
import { ALL_VERBS, type Kind, type Verb } from '../api/kinds/kind.ts'
import { isConditionTrue } from '../api/meta/conditions.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import { byPreference } from '../api/meta/versions.ts'
import type { StructSchema } from '../api/schema/schema.ts'
import type { Cache } from './cache.ts'

type Definition = DeepReadonly<CustomResourceDefinition>

const ANYTHING: StructSchema = {
  type: 'struct',
  name: '',
  fields: new Map(),
  embedded: [],
  structType: 'granular',
  preserveUnknown: true,
}

const kinds = new WeakMap<Definition, Kind<never> | null>()

/** The kind of a definition, in the version that takes no conversion if it is served; undefined while none is. */
export function customKind(definition: Definition): Kind<never> | undefined {
  let kind = kinds.get(definition)
  if (kind === undefined) {
    kind = made(definition)
    kinds.set(definition, kind)
  }
  return kind ?? undefined
}

function made({ spec, status }: Definition): Kind<never> | null {
  const served = spec.versions.filter((version) => version.served)
  if (served.length === 0 || !isConditionTrue(status?.conditions, 'Established')) return null
  const best = served.find(({ storage }) => storage) ?? [...served].sort((a, b) => byPreference(a.name, b.name))[0]!
  const {
    plural,
    kind,
    singular = kind.toLowerCase(),
    listKind = `${kind}List`,
  } = status?.acceptedNames?.kind ? status.acceptedNames : spec.names
  const namespaced = spec.scope === 'Namespaced'
  return looseKind({
    group: spec.group,
    version: best.name,
    kind,
    plural,
    singular,
    listKind,
    namespaced,
    verbs: ALL_VERBS,
  })
}

/** A kind that is not built in, whose objects may have anything. */
export function looseKind(names: {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly listKind: string
  readonly namespaced: boolean
  readonly verbs: readonly Verb[]
}): Kind<never> {
  const { namespaced, ...rest } = names
  const made: Kind = {
    ...rest,
    apiVersion: `${rest.group}/${rest.version}`,
    scope: namespaced ? 'Namespaced' : 'Cluster',
    shortNames: [],
    categories: [],
    subresources: [],
    schema: ANYTHING,
    hasGeneration: true,
  }
  return made as unknown as Kind<never>
}

/** All of them at this moment; definitions must be followed by the cache. */
export function customKinds(cache: Cache): Kind<never>[] {
  return cache.list(CustomResourceDefinition).flatMap((definition) => customKind(definition) ?? [])
}

/**
 * Calls `onKind` for each kind there is and each that comes; what it returns is called when the kind goes, or is served otherwise.
 * Returns what ends it all. `gone`: the definition is no more, and with it every object of the kind.
 */
export function followCustomKinds(cache: Cache, onKind: (kind: Kind<never>) => (gone: boolean) => void): () => void {
  const current = new Map<string, { identity: string; stop: (gone: boolean) => void }>()
  const drop = (name: string, gone: boolean) => {
    current.get(name)?.stop(gone)
    current.delete(name)
  }
  const unfollow = cache.watch(CustomResourceDefinition, ({ type, object }) => {
    const { name, uid } = object.metadata
    const kind = type === 'deleted' ? undefined : customKind(object)
    const identity = kind ? `${uid} ${kind.apiVersion} ${kind.kind} ${kind.scope}` : ''
    if (current.get(name)?.identity === identity) return
    drop(name, type === 'deleted')
    if (kind) current.set(name, { identity, stop: onKind(kind) })
  })
  return () => {
    unfollow()
    for (const name of [...current.keys()]) drop(name, false)
  }
}
