// What the server serves at this moment: kinds by group, version and plural name. Built-in kinds are there from the start, custom
// ones come and go while it runs; `generation` tells caches of anything derived (discovery, OpenAPI) when to look again.
import { createHash } from 'node:crypto'
import type { Kind, Subresource, Verb } from '../api/kinds/kind.ts'
import { byPreference } from '../api/meta/versions.ts'

export interface ServedVersion {
  readonly version: string
  readonly kinds: readonly Kind[]
}
export interface ServedGroup {
  readonly group: string
  /** The preferred version first. */
  readonly versions: readonly ServedVersion[]
}

export class Resources {
  readonly #builtin: readonly Kind[]
  #custom: readonly Kind[] = []
  #byPath = new Map<string, Kind>()
  #groups: readonly ServedGroup[] = []
  #generation = 0
  #changed: () => void = () => {}

  constructor(builtin: readonly Kind<never>[]) {
    this.#builtin = builtin as unknown as readonly Kind[]
    this.#rebuild()
  }

  /** Rises whenever the set of kinds changes. */
  get generation(): number {
    return this.#generation
  }

  get kinds(): readonly Kind[] {
    return [...this.#builtin, ...this.#custom]
  }

  /** In the order of discovery; the core group first. */
  get groups(): readonly ServedGroup[] {
    return this.#groups
  }

  find(group: string, version: string, plural: string): Kind | undefined {
    return this.#byPath.get(`${group}/${version}/${plural}`)
  }

  /** By kind name, as owner references and bodies give it. */
  findKind(apiVersion: string, kind: string): Kind | undefined {
    return this.kinds.find((k) => k.apiVersion === apiVersion && k.kind === kind)
  }

  /** Replaces the custom kinds as a whole. */
  setCustom(kinds: readonly Kind[]): void {
    this.#custom = kinds
    this.#rebuild()
    this.#changed()
  }

  /** Called after the set of kinds has changed. One listener. */
  onChange(listener: () => void): void {
    this.#changed = listener
  }

  #rebuild(): void {
    this.#generation++
    this.#byPath = new Map(this.kinds.map((k) => [`${k.group}/${k.version}/${k.plural}`, k]))
    const groups = new Map<string, Map<string, Kind[]>>([['', new Map()]])
    for (const kind of this.kinds) {
      const versions = groups.get(kind.group) ?? new Map<string, Kind[]>()
      groups.set(kind.group, versions)
      versions.set(kind.version, [...(versions.get(kind.version) ?? []), kind])
    }
    this.#groups = [...groups].map(([group, versions]) => ({
      group,
      versions: [...versions]
        .map(([version, kinds]) => ({ version, kinds }))
        .sort((a, b) => byPreference(a.version, b.version)),
    }))
  }
}

export interface SubresourceFacts {
  /** The kind of its bodies; the parent's own where not given. */
  readonly kind?: { readonly group: string; readonly version: string; readonly kind: string }
  readonly verbs: readonly Verb[]
}

const READ_WRITE: SubresourceFacts = { verbs: ['get', 'patch', 'update'] }
const connect = (kind: string): SubresourceFacts => ({
  kind: { group: '', version: 'v1', kind },
  verbs: ['create', 'get'],
})
const PROXY_VERBS: readonly Verb[] = ['create', 'delete', 'get', 'patch', 'update']

/** What may be done with a kind's subresource, and the kind of what is sent. */
export function subresourceFacts(kind: Kind, subresource: Subresource): SubresourceFacts {
  switch (subresource) {
    case 'status':
    case 'ephemeralcontainers':
    case 'resize':
    case 'approval':
      return READ_WRITE
    case 'scale':
      return { ...READ_WRITE, kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' } }
    case 'binding':
      return { kind: { group: '', version: 'v1', kind: 'Binding' }, verbs: ['create'] }
    case 'eviction':
      return { kind: { group: 'policy', version: 'v1', kind: 'Eviction' }, verbs: ['create'] }
    case 'token':
      return { kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' }, verbs: ['create'] }
    case 'finalize':
      return { verbs: ['update'] }
    case 'log':
      return { verbs: ['get'] }
    case 'exec':
      return connect('PodExecOptions')
    case 'attach':
      return connect('PodAttachOptions')
    case 'portforward':
      return connect('PodPortForwardOptions')
    case 'proxy':
      return { kind: { group: '', version: 'v1', kind: `${kind.kind}ProxyOptions` }, verbs: PROXY_VERBS }
  }
}

/** k8s: tells clients whether two versions of a kind are stored as the same thing. */
export function storageVersionHash(kind: Kind): string {
  const { group, version, kind: name } = kind.storedAs ?? kind
  return createHash('sha256').update(`${group}/${version}/${name}`).digest().subarray(0, 8).toString('base64')
}
