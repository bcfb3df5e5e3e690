// A kind, declared once: facts come from its table (`schema`), everything a table can't say is one value made here by `defineKind`.
// Routes, discovery, OpenAPI, validation, patches, tables and clients are all derived from it. A CRD becomes the same value.
import type { FieldError } from '../meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../meta/object.ts'
import type { StructSchema } from '../schema/schema.ts'
import { structFor } from '../schema/tables.ts'

export type Subresource =
  | 'status'
  | 'scale'
  | 'binding'
  | 'eviction'
  | 'token'
  | 'log'
  | 'exec'
  | 'attach'
  | 'portforward'
  | 'proxy'
  | 'ephemeralcontainers'
  | 'resize'
  | 'finalize'
  | 'approval'

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch'
export const ALL_VERBS: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
]

/** A printed column, as in `kubectl get`. Columns with priority 1 show only with `-o wide`. NAME comes first by itself unless listed. */
export interface Column<T> {
  name: string
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  /** k8s: as the table's header tells the type where that is another one. */
  shownType?: 'date'
  format?: string
  priority?: 0 | 1
  description?: string
  /** The cell. `type: 'date'` columns return an RFC 3339 time and are shown as an age. `nowMs` is for other ages. */
  value(obj: DeepReadonly<T>, nowMs: number): string | number | boolean | undefined | null
}

/** Where the numbers of the `scale` subresource live, as dotted paths. */
export interface ScalePaths {
  specReplicas: string
  statusReplicas: string
  /** Path of a LabelSelector object or of a selector string. */
  selector?: string
}

export interface KindDeclaration<T extends KubeObject> {
  /** Empty for the core group. */
  group: string
  version: string
  kind: string
  plural: string
  /** `kind` in lower case unless given. */
  singular?: string
  scope: 'Namespaced' | 'Cluster'
  shortNames?: readonly string[]
  categories?: readonly string[]
  subresources?: readonly Subresource[]
  /** All verbs unless given. A kind with only `create` is an action (TokenReview): it is answered, never stored. */
  verbs?: readonly Verb[]
  /** One or two own-words sentences, for `kubectl explain`. */
  description?: string
  /** k8s: what every answer about this kind warns of. */
  deprecated?: string
  columns?: readonly Column<T>[]
  scale?: ScalePaths
  /** Fields beyond metadata.name and metadata.namespace that a fieldSelector may name; values as compared. */
  selectableFields?: Readonly<Record<string, (obj: DeepReadonly<T>) => string>>
  /** Object names: DNS subdomain unless given. */
  validateName?: (name: string) => string[]
  /** Defaults beyond the tables' plain ones; must be idempotent; mutates. Runs on create, update and patch results. */
  default?(obj: T): void
  /** Everything that can be said from the object alone. The generic metadata and schema checks ran before. */
  validate?(obj: DeepReadonly<T>): FieldError[]
  /** Transition rules (immutable fields). `validate(obj)` runs as well. */
  validateUpdate?(obj: DeepReadonly<T>, old: DeepReadonly<T>): FieldError[]
  /** Everything that may be wrong with an update, instead of `validate` and `validateUpdate`. */
  validateChange?(obj: DeepReadonly<T>, old: DeepReadonly<T>): FieldError[]
  /** Rules for writes of `status`. */
  validateStatusUpdate?(obj: DeepReadonly<T>, old: DeepReadonly<T>): FieldError[]
  /** Rules for writes of other subresources that show the object itself (ephemeralcontainers, resize, approval), all of them. */
  validateSubresource?: Partial<Record<Subresource, (obj: DeepReadonly<T>, old: DeepReadonly<T>) => FieldError[]>>
  /**
   * Beyond the common rules (status dropped on create when there is a status subresource, generation 1): mutates. Runs after `default`
   * and before `validate`; name, namespace and uid have been given by then.
   */
  prepareForCreate?(obj: T): void
  /**
   * What the writer is told although the write is let through: called once it is known to be valid. `old` is undefined for a create;
   * not called for writes of subresources.
   */
  warnings?(obj: DeepReadonly<T>, old: DeepReadonly<T> | undefined): string[]
  /** Awaited before a write is decided: what its rules need is loaded only then. Undefined when there is nothing to wait for. */
  ready?(obj: DeepReadonly<T>): Promise<void> | undefined
  /** What the first delete adds to an object that cannot go at once (finalizers, conditions); mutates. */
  prepareForDelete?(obj: T, nowMs: number): void
  /** k8s: a status sent with a create is kept (Node: it registers itself). */
  keepStatusOnCreate?: boolean
  /** Beyond the common rules (status kept, generation bumped when the spec changes): mutates `obj`. */
  prepareForUpdate?(obj: T, old: DeepReadonly<T>): void
  /** False: changes to the object do not bump metadata.generation (ConfigMap, Event …). By default true iff the type has a spec. */
  hasGeneration?: boolean
  /** Seconds between a delete and the object's removal when the client names none (pods: their own period); undefined: at once. */
  gracePeriodSeconds?(obj: DeepReadonly<T>): number | undefined
  /** k8s: PUT creates when absent (Lease, Endpoints …). */
  allowCreateOnUpdate?: boolean
  /** k8s: PUT without resourceVersion overwrites. True unless set. */
  allowUnconditionalUpdate?: boolean
  /** Objects that only say "I am alive" or expire: kept in memory, not fsynced. */
  volatile?(obj: DeepReadonly<T>, old: DeepReadonly<T> | undefined): boolean
  /** The kind under which objects are stored, when several versions or groups show the same objects (events.k8s.io, autoscaling/v1). */
  storedAs?: {
    group: string
    version: string
    kind: string
    toStored(obj: T): KubeObject
    fromStored(stored: KubeObject): T
  }
}

/** What only kinds of custom resources have; the apiserver's crd room makes them. */
export interface CustomFacts {
  /** The name of the definition: `crontabs.stable.example.com`, and its uid. */
  readonly definition: string
  readonly definitionUid: string
  /** The definition is being deleted: nothing new may be created. */
  readonly terminating: boolean
  /** Leaves out, in place, what the schema doesn't know: after whatever changed an object on its way in. */
  prune(obj: KubeObject): void
  /** The apiVersion that objects are stored in. */
  readonly storedVersion: string
  /** Where another version is a web service's affair: all objects at once, in order. */
  readonly convert?: (
    objects: readonly DeepReadonly<KubeObject>[],
    apiVersion: string,
  ) => Promise<readonly DeepReadonly<KubeObject>[]>
  /** A stored object that `convert` brought into this version, as it is shown; or one that is still to be converted, completed. */
  fromConverted(object: DeepReadonly<KubeObject>): KubeObject
  /** Aborted when the definition changes or goes: watches end. */
  readonly ended?: AbortSignal
}

export interface Kind<T extends KubeObject = KubeObject> extends KindDeclaration<T> {
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly subresources: readonly Subresource[]
  readonly verbs: readonly Verb[]
  /** `v1` or `apps/v1`. */
  readonly apiVersion: string
  readonly listKind: string
  readonly schema: StructSchema
  readonly hasGeneration: boolean
  readonly custom?: CustomFacts
}

/** @throws Error when the tables have no such type: a programming error, found at start. */
export function defineKind<T extends KubeObject>(declaration: KindDeclaration<T>): Kind<T> {
  const { group, version, kind } = declaration
  const schema = structFor(group, version, kind)
  return {
    ...declaration,
    singular: declaration.singular ?? kind.toLowerCase(),
    shortNames: declaration.shortNames ?? [],
    categories: declaration.categories ?? [],
    subresources: declaration.subresources ?? [],
    verbs: declaration.verbs ?? ALL_VERBS,
    apiVersion: group ? `${group}/${version}` : version,
    listKind: `${kind}List`,
    schema,
    hasGeneration: declaration.hasGeneration ?? schema.fields.has('spec'),
  }
}

/** The path of a collection or an object: `/apis/apps/v1/namespaces/blue/deployments/web`. */
export function apiPath(kind: Kind<never>, namespace?: string, name?: string, subresource?: string): string {
  const root = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
  const scope = kind.scope === 'Namespaced' && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  return `${root}${scope}/${kind.plural}${name ? `/${encodeURIComponent(name)}` : ''}${subresource ? `/${subresource}` : ''}`
}
