// The `definitions` (v2) and `components.schemas` (v3) of OpenAPI documents: one JSON schema per type that a set of kinds reaches,
// written from the schema tables with the `x-kubernetes-*` extensions that clients merge and explain by.
import type { Kind } from '../../api/kinds/kind.ts'
import type { FieldSchema, ScalarType, Schema, StructSchema } from '../../api/schema/schema.ts'
import { structFor, structNamed, TABLE_NAMES } from '../../api/schema/tables.ts'
import { openWords, type Words } from './words.ts'

export type Json = Record<string, unknown>
export type Flavor = 'v2' | 'v3'

export interface GroupVersionKind {
  group: string
  version: string
  kind: string
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1'
export const PATCH = `${META}.Patch`

/** Leaves that have a definition of their own. */
const NAMED_SCALARS: Partial<Record<ScalarType, { name: string; v2: Json; v3: Json; description: string }>> = {
  Time: {
    name: `${META}.Time`,
    v2: { type: 'string', format: 'date-time' },
    v3: { type: 'string', format: 'date-time' },
    description: 'A point in time in RFC 3339 form, to the second.',
  },
  MicroTime: {
    name: `${META}.MicroTime`,
    v2: { type: 'string', format: 'date-time' },
    v3: { type: 'string', format: 'date-time' },
    description: 'A point in time in RFC 3339 form, to the microsecond.',
  },
  Duration: {
    name: `${META}.Duration`,
    v2: { type: 'string' },
    v3: { type: 'string' },
    description: 'A length of time such as 1h30m.',
  },
  Quantity: {
    name: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
    v2: { type: 'string' },
    v3: { oneOf: [{ type: 'string' }, { type: 'number' }] },
    description:
      'An amount with an optional suffix: n, u, m, k, M, G, T, P, E for powers of 1000, Ki, Mi, Gi, Ti, Pi, Ei for powers of 1024. 100m is a tenth, 1Gi is 1024 Mi.',
  },
  IntOrString: {
    name: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
    v2: { type: 'string', format: 'int-or-string' },
    v3: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
    description: 'A number, or text such as a port name or a percentage.',
  },
  RawExtension: {
    name: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
    v2: { type: 'object' },
    v3: { type: 'object' },
    description: 'Any object.',
  },
  JSON: {
    name: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON',
    v2: {},
    v3: {},
    description: 'Any JSON value.',
  },
}

const PLAIN_SCALARS: Partial<Record<ScalarType, Json>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
}

/** The fields of managed fields: an object with a definition name of its own. */
const FIELDS_V1 = { name: `${META}.FieldsV1`, description: 'The fields that a manager set, as a tree of field names.' }

/** Collects the types that are referred to, then writes them all. */
export class Definitions {
  readonly #flavor: Flavor
  readonly #words: Words = openWords()
  readonly #gvks: ReadonlyMap<string, readonly GroupVersionKind[]>
  readonly #written = new Map<string, Json>()
  readonly #open: { name: string; struct: StructSchema; description: string | undefined }[] = []

  constructor(flavor: Flavor, gvks: ReadonlyMap<string, readonly GroupVersionKind[]>) {
    this.#flavor = flavor
    this.#gvks = gvks
  }

  /** A reference to a struct; its definition, and all it reaches, will be written. */
  ref(struct: StructSchema, name = struct.name, description?: string): Json {
    if (!this.#written.has(name)) {
      this.#written.set(name, {}) // before its fields: types may contain themselves
      this.#open.push({ name, struct, description })
    }
    return this.#refTo(name)
  }

  /** A reference to the definition of patches. */
  patchRef(): Json {
    this.#written.set(PATCH, {
      description: 'A change to an object, in the form that the content type names.',
      type: 'object',
    })
    return this.#refTo(PATCH)
  }

  /** Every definition, by name in alphabetical order. */
  write(): Json {
    for (let next = this.#open.pop(); next; next = this.#open.pop()) {
      const { name, struct, description } = next
      const gvks = this.#gvks.get(name)
      if (struct.openapi) this.ref(structNamed('meta.v1.ObjectMeta'))
      this.#written.set(name, {
        ...(struct.openapi?.(this.#flavor) ?? this.#struct(struct, this.#words.type(name, description))),
        ...(gvks ? { 'x-kubernetes-group-version-kind': gvks } : {}),
      })
    }
    return Object.fromEntries([...this.#written].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  #refTo(name: string): Json {
    return { $ref: `${this.#flavor === 'v2' ? '#/definitions/' : '#/components/schemas/'}${name}` }
  }

  #struct(struct: StructSchema, description: string | undefined): Json {
    const properties: Json = {}
    const required: string[] = []
    const fields = [...struct.fields.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const field of fields) {
      properties[field.name] = this.#property(struct, field)
      if (field.required) required.push(field.name)
    }
    return {
      ...(description ? { description } : {}),
      type: 'object',
      ...(fields.length > 0 ? { properties } : {}),
      ...(required.length > 0 ? { required } : {}),
      ...(struct.structType === 'atomic' ? { 'x-kubernetes-map-type': 'atomic' } : {}),
      ...(struct.preserveUnknown ? { 'x-kubernetes-preserve-unknown-fields': true } : {}),
    }
  }

  #property(struct: StructSchema, field: FieldSchema): Json {
    const { schema } = field
    const description = this.#words.field(struct.name, field.name)
    const type = field.name === 'fieldsV1' && schema.type === 'RawExtension' ? this.#fieldsV1() : this.#type(schema)
    const emptyStruct = schema.type === 'struct' && !field.pointer && struct.name !== '' ? {} : undefined
    const standard = field.default ?? (this.#flavor === 'v3' ? emptyStruct : undefined)
    const extras: Json = {
      ...(description ? { description } : {}),
      ...(standard !== undefined ? { default: standard } : {}),
      ...(field.patchMergeKey ? { 'x-kubernetes-patch-merge-key': field.patchMergeKey } : {}),
      ...(field.patchStrategy ? { 'x-kubernetes-patch-strategy': field.patchStrategy } : {}),
      // only where the field says otherwise than its type
      ...(schema.type === 'struct' && schema.name && structTypeDiffers(schema)
        ? { 'x-kubernetes-map-type': schema.structType }
        : {}),
    }
    const enumeration = field.enum ? [...field.enum].sort() : undefined
    if (enumeration && schema.type === 'list') type['items'] = { ...(type['items'] as Json), enum: enumeration }
    else if (enumeration && schema.type === 'string') extras['enum'] = enumeration
    if (!('$ref' in type) || Object.keys(extras).length === 0) return { ...extras, ...type }
    // OpenAPI 3.0 ignores what stands beside a reference
    return this.#flavor === 'v3' ? { ...extras, allOf: [type] } : { ...extras, ...type }
  }

  #type(schema: Schema): Json {
    switch (schema.type) {
      case 'struct':
        return schema.name ? this.ref(typeItself(schema)) : this.#struct(schema, undefined)
      case 'list':
        return {
          type: 'array',
          items: this.#inside(schema.items),
          ...(schema.listType === 'map' ? { 'x-kubernetes-list-map-keys': schema.mapKeys } : {}),
          'x-kubernetes-list-type': schema.listType,
        }
      case 'map':
        return {
          type: 'object',
          additionalProperties: this.#inside(schema.values),
          ...(schema.mapType === 'atomic' ? { 'x-kubernetes-map-type': 'atomic' } : {}),
        }
      default:
        return this.#scalar(schema.type)
    }
  }

  #inside(schema: Schema): Json {
    const type = this.#type(schema)
    if (this.#flavor === 'v2' || schema.type !== 'struct' || !('$ref' in type)) return type
    return { allOf: [type], default: {} }
  }

  #scalar(type: ScalarType): Json {
    const named = NAMED_SCALARS[type]
    if (!named) return { ...PLAIN_SCALARS[type] }
    if (!this.#written.has(named.name)) {
      this.#written.set(named.name, { description: named.description, ...named[this.#flavor] })
    }
    return this.#refTo(named.name)
  }

  #fieldsV1(): Json {
    this.#written.set(FIELDS_V1.name, { description: FIELDS_V1.description, type: 'object' })
    return this.#refTo(FIELDS_V1.name)
  }
}

/** `io.k8s.api.core.v1.ObjectReference` → `core.v1`, `ObjectReference`. */
const TABLE_OF_NAME = /^io\.k8s\..*?([a-z]+\.v[0-9a-z]+)\.(\w+)$/

/** The type itself where a field's schema is a view of it (another `structType`). */
function typeItself(schema: StructSchema): StructSchema {
  const table = TABLE_OF_NAME.exec(schema.name)
  const known = table && (TABLE_NAMES as readonly string[]).includes(table[1]!)
  return known ? structNamed(`${table[1]}.${table[2]}`) : schema
}

const structTypeDiffers = (schema: StructSchema) => typeItself(schema).structType !== schema.structType

/** The name of a kind's definition; custom ones have their group's reversed: `com.example.v1.Widget`. */
export function definitionName(kind: Kind): string {
  return kind.schema.name || [...kind.group.split('.').reverse(), kind.version, kind.kind].join('.')
}

/** The list type of a kind: from its table, or like every other list. */
export function listSchema(kind: Kind): { schema: StructSchema; name: string } {
  if (kind.schema.name) {
    try {
      const schema = structFor(kind.group, kind.version, kind.listKind)
      return { schema, name: schema.name }
    } catch {
      // a kind whose table has no list type is listed like a custom one
    }
  }
  const pattern = structNamed('core.v1.ConfigMapList')
  const fields = new Map(pattern.fields)
  const items = pattern.fields.get('items')!
  fields.set('items', {
    ...items,
    schema: { type: 'list', items: { ...kind.schema, name: definitionName(kind) }, listType: 'atomic', mapKeys: [] },
  })
  return { schema: { ...pattern, name: '', fields }, name: `${definitionName(kind)}List` }
}

/** Which kinds every definition stands for. */
export function groupVersionKinds(kinds: readonly Kind[]): Map<string, GroupVersionKind[]> {
  const out = new Map<string, GroupVersionKind[]>()
  for (const kind of kinds) {
    const { group, version } = kind
    out.set(definitionName(kind), [{ group, version, kind: kind.kind }])
    if (kind.verbs.includes('list')) out.set(listSchema(kind).name, [{ group, version, kind: kind.listKind }])
  }
  for (const [group, version, kind] of [
    ['autoscaling', 'v1', 'Scale'],
    ['', 'v1', 'Binding'],
    ['policy', 'v1', 'Eviction'],
    ['authentication.k8s.io', 'v1', 'TokenRequest'],
  ] as const) {
    out.set(structFor(group, version, kind).name, [{ group, version, kind }])
  }
  out.set(`${META}.Status`, [{ group: '', version: 'v1', kind: 'Status' }])
  const versions = new Map(kinds.map(({ group, version }) => [`${group}/${version}`, { group, version }]))
  out.set(
    `${META}.DeleteOptions`,
    [...versions.values()].map((gv) => ({ ...gv, kind: 'DeleteOptions' })),
  )
  return out
}
