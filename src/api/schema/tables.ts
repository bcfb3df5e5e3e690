// Compiles the fact tables (tables/*.json, one per group-version) into schemas. A table is read when its first type is asked for.
import { readFileSync } from 'node:fs'
import type { FieldSchema, ScalarType, Schema, StructSchema } from './schema.ts'

export interface FieldFacts {
  /** `string`, `[]core.v1.Container`, `map[string]Quantity` … */
  type: string
  pointer?: true
  omitEmpty?: true
  optional?: true
  required?: true
  number?: number
  patchStrategy?: string
  patchMergeKey?: string
  listType?: 'atomic' | 'set' | 'map'
  listMapKeys?: string[]
  mapType?: 'granular' | 'atomic'
  structType?: 'granular' | 'atomic'
  enum?: string[]
  default?: unknown
}
export interface TypeFacts {
  typeMeta?: true
  /** Embedded structs: type and protobuf number. */
  inline?: [string, number][]
  structType?: 'granular' | 'atomic'
  mapType?: 'granular' | 'atomic'
  fields: Record<string, FieldFacts>
}
export interface FactTable {
  group: string
  version: string
  kinds: Record<string, { scope: 'Namespaced' | 'Cluster' }>
  types: Record<string, TypeFacts>
}

/** Every table, by file name without ending: the group's first label (`core` for none) and the version. */
export const TABLE_NAMES = [
  'admission.v1',
  'admissionregistration.v1',
  'apidiscovery.v2',
  'apiextensions.v1',
  'apiregistration.v1',
  'apps.v1',
  'authentication.v1',
  'authorization.v1',
  'autoscaling.v1',
  'autoscaling.v2',
  'batch.v1',
  'certificates.v1',
  'coordination.v1',
  'core.v1',
  'discovery.v1',
  'events.v1',
  'flowcontrol.v1',
  'meta.v1',
  'metrics.v1beta1',
  'networking.v1',
  'node.v1',
  'policy.v1',
  'rbac.v1',
  'resource.v1',
  'scheduling.v1',
  'storage.v1',
] as const
export type TableName = (typeof TABLE_NAMES)[number]

const SCALARS: ReadonlySet<string> = new Set<ScalarType>([
  'string',
  'bool',
  'int32',
  'int64',
  'double',
  'bytes',
  'Time',
  'MicroTime',
  'Duration',
  'Quantity',
  'IntOrString',
  'RawExtension',
  'JSON',
])

const tables = new Map<string, FactTable>()
const structs = new Map<string, StructSchema>()

/** The table as it stands in its file. @throws Error for a name that is not one of TABLE_NAMES. */
export function factTable(name: string): FactTable {
  let table = tables.get(name)
  if (!table) {
    table = JSON.parse(readFileSync(new URL(`./tables/${name}.json`, import.meta.url), 'utf8')) as FactTable
    tables.set(name, table)
  }
  return table
}

/** `apps`, `v1` → `apps.v1`; `rbac.authorization.k8s.io`, `v1` → `rbac.v1`; core → `core.v1`. */
function tableName(group: string, version: string): string {
  return `${group === '' ? 'core' : group.split('.')[0]}.${version}`
}

/** The schema of a built-in type. @throws Error when there is none. */
export function structFor(group: string, version: string, type: string): StructSchema {
  return structNamed(`${tableName(group, version)}.${type}`)
}

/** k8s: these are known in every version of every group. */
const EVERYWHERE: ReadonlySet<string> = new Set([
  'Status',
  'APIGroup',
  'APIGroupList',
  'APIResourceList',
  'APIVersions',
])

/** Is this a built-in type with an identity of its own: an object, a list, options? */
export function knowsType(apiVersion: string, kind: string): boolean {
  if (EVERYWHERE.has(kind)) return apiVersion === 'v1'
  const slash = apiVersion.indexOf('/')
  const [group, version] = slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)]
  const name = tableName(group, version)
  if (!(TABLE_NAMES as readonly string[]).includes(name)) return false
  if (kind.endsWith('List') && Object.hasOwn(factTable(name).types, kind.slice(0, -4))) return true
  if (!Object.hasOwn(factTable(name).types, kind)) return false
  return structNamed(`${name}.${kind}`).fields.has('metadata')
}

/** Does this look like another version of the same group? */
export const isVersionOf = ({ group }: { group: string }, apiVersion: string): boolean =>
  /^v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?$/.test(
    group === '' ? '' : apiVersion.startsWith(`${group}/`) ? apiVersion.slice(group.length + 1) : '',
  )

/** By the tables' own names: `core.v1.PodSpec`. */
export function structNamed(name: string): StructSchema {
  const known = structs.get(name)
  if (known) return known
  const dot = name.lastIndexOf('.')
  const [tableOf, typeName] = [name.slice(0, dot), name.slice(dot + 1)]
  const facts = factTable(tableOf).types[typeName]
  if (!facts) throw new Error(`no type ${name} in the schema tables`)
  const fields = new Map<string, FieldSchema>()
  const embedded: { schema: StructSchema; number: number }[] = []
  const struct: StructSchema = {
    type: 'struct',
    name: openapiName(tableOf, typeName),
    fields,
    embedded,
    structType: facts.structType ?? (facts.mapType === 'atomic' ? 'atomic' : 'granular'),
    preserveUnknown: false,
  }
  structs.set(name, struct) // before its fields: types may be recursive
  if (facts.typeMeta) {
    for (const field of ['apiVersion', 'kind']) fields.set(field, plainString(field))
  }
  for (const [base, number] of facts.inline ?? []) {
    const schema = structNamed(base)
    embedded.push({ schema, number })
    for (const [field, value] of schema.fields) fields.set(field, value)
  }
  for (const [field, value] of Object.entries(facts.fields)) fields.set(field, compileField(field, value))
  return struct
}

function compileField(name: string, facts: FieldFacts): FieldSchema {
  return {
    name,
    schema: compileType(facts.type, facts),
    required: facts.required ?? (!facts.omitEmpty && !facts.optional && facts.default === undefined),
    omitEmpty: facts.omitEmpty ?? false,
    pointer: facts.pointer ?? false,
    default: facts.default,
    enum: facts.enum,
    patchStrategy: facts.patchStrategy,
    patchMergeKey: facts.patchMergeKey,
    number: facts.number ?? 0,
  }
}

function compileType(expression: string, facts: FieldFacts): Schema {
  if (expression.startsWith('[]')) {
    return {
      type: 'list',
      items: compileType(expression.slice(2), { type: '' }),
      listType: facts.listType ?? 'atomic',
      mapKeys: facts.listMapKeys ?? [],
    }
  }
  if (expression.startsWith('map[string]')) {
    return {
      type: 'map',
      values: compileType(expression.slice(11), { type: '' }),
      mapType: facts.mapType ?? 'granular',
    }
  }
  if (SCALARS.has(expression)) return { type: expression as ScalarType }
  const struct = structNamed(expression)
  const structType = facts.structType ?? facts.mapType
  return structType && structType !== struct.structType ? viewOf(struct, structType) : struct
}

/** The same struct where a field says that apply treats it otherwise than its type does. Shares its (possibly still filling) field map. */
function viewOf(struct: StructSchema, structType: 'granular' | 'atomic'): StructSchema {
  return { ...struct, structType }
}

function plainString(name: string): FieldSchema {
  return {
    name,
    schema: { type: 'string' },
    required: false,
    omitEmpty: true,
    pointer: false,
    default: undefined,
    enum: undefined,
    patchStrategy: undefined,
    patchMergeKey: undefined,
    number: 0,
  }
}

/** k8s: definition names as clients know them. */
function openapiName(table: string, type: string): string {
  if (table === 'meta.v1') return `io.k8s.apimachinery.pkg.apis.meta.v1.${type}`
  if (table === 'apiextensions.v1') return `io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.${type}`
  if (table === 'apiregistration.v1') return `io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.${type}`
  if (table.startsWith('metrics.')) return `io.k8s.metrics.pkg.apis.${table}.${type}`
  return `io.k8s.api.${table}.${type}`
}
