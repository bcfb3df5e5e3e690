// Types of schemas: what `self.spec.replicas` is, with the sizes that cost estimates stand on. Fields whose schema says nothing about
// their content (preserve-unknown) are not seen by expressions; names that are no identifiers are escaped.

import { Namespace } from '../kinds/namespace.ts'
import type { FieldSchema, Schema, StructSchema } from '../schema/schema.ts'
import type { JSONSchemaProps } from '../types/apiextensions.v1.ts'
import { MAX_REQUEST_BYTES } from './budget.ts'
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  type ObjectField,
  type ObjectType,
  STRING,
  TIMESTAMP,
} from './types.ts'

const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)
const SYMBOLS: Readonly<Record<string, string>> = { __: 'underscores', '.': 'dot', '-': 'dash', '/': 'slash' }

/** As expressions name the field; undefined when they cannot. */
export function escapeField(name: string): string | undefined {
  if (!/^[A-Za-z_./-][\w./-]*$/.test(name)) return undefined
  if (RESERVED.has(name)) return `__${name}__`
  return name.replace(/__|[./-]/g, (symbol) => `__${SYMBOLS[symbol]}__`)
}

/** The schema in `items` or `additionalProperties`; undefined for none and for booleans. */
export const subSchema = (value: unknown): JSONSchemaProps | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JSONSchemaProps) : undefined

const TEXT_MAX = MAX_REQUEST_BYTES - 2
const metaSchema: JSONSchemaProps = {
  type: 'object',
  properties: { name: { type: 'string' }, generateName: { type: 'string' } },
}
const rootSchema = (schema: JSONSchemaProps): JSONSchemaProps => ({
  ...schema,
  properties: { ...schema.properties, apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: metaSchema },
})

/** The type, or undefined when expressions cannot see such values. `root`: of a resource, with its kind and name. */
export function typeOfSchema(schema: JSONSchemaProps, root: boolean, name = 'selfType'): CelType | undefined {
  if (schema['x-kubernetes-int-or-string']) {
    return { kind: 'dyn', minSize: 1, maxElements: schema.maxLength === undefined ? TEXT_MAX : schema.maxLength * 4 }
  }
  switch (schema.type) {
    case 'array': {
      const items = subSchema(schema.items)
      const elem = items && typeOfSchema(items, items['x-kubernetes-embedded-resource'] === true, `${name}.@idx`)
      return elem && listType(schema, elem)
    }
    case 'object':
      return objectOrMap(root ? rootSchema(schema) : schema, name)
    case 'string':
      return textType(schema)
    case 'boolean':
      return { kind: 'bool', minSize: 4 }
    case 'number':
      return { kind: 'double', minSize: 1 }
    case 'integer':
      return { kind: 'int', minSize: 1 }
    default:
      return undefined
  }
}

function listType(schema: JSONSchemaProps, elem: CelType): CelType {
  const listType = schema['x-kubernetes-list-type']
  const semantics =
    listType === 'set' || listType === 'map'
      ? { semantics: { listType, mapKeys: schema['x-kubernetes-list-map-keys'] ?? [] } as const }
      : {}
  const most = schema.maxItems ?? Math.floor(TEXT_MAX / ((elem.minSize ?? 0) + 1))
  return { ...listOf(elem), ...semantics, minSize: 2, maxElements: Math.max(0, most) }
}

function objectOrMap(schema: JSONSchemaProps, name: string): CelType | undefined {
  const values = subSchema(schema.additionalProperties)
  if (values) {
    const value = typeOfSchema(values, values['x-kubernetes-embedded-resource'] === true, `${name}.@elem`)
    if (!value) return undefined
    const most = schema.maxProperties ?? Math.floor(TEXT_MAX / ((value.minSize ?? 0) + 6))
    return { ...mapOf(STRING, value), minSize: 2, maxElements: Math.max(0, most) }
  }
  const fields = new Map<string, ObjectField>()
  let minSize = 2
  for (const [jsonName, property] of Object.entries(schema.properties ?? {})) {
    const type = typeOfSchema(property, property['x-kubernetes-embedded-resource'] === true, `${name}.${jsonName}`)
    if (!type) continue
    const escaped = escapeField(jsonName)
    if (escaped !== undefined) fields.set(escaped, { name: escaped, jsonName, type })
    if (schema.required?.includes(jsonName) && property.default === undefined) {
      minSize += jsonName.length + (type.minSize ?? 0) + 4
    }
  }
  return { kind: 'object', name, fields: () => fields, minSize }
}

function textType(schema: JSONSchemaProps): CelType {
  const { maxLength } = schema
  switch (schema.format) {
    case 'byte':
      return { ...BYTES, minSize: 2, maxElements: maxLength ?? TEXT_MAX }
    case 'duration':
      return { ...DURATION, minSize: 3, maxElements: 32 }
    case 'date':
      return { ...TIMESTAMP, minSize: 12, maxElements: 12 }
    case 'date-time':
      return { ...TIMESTAMP, minSize: 21, maxElements: 32 }
  }
  const longest = schema.enum?.length
    ? Math.max(0, ...schema.enum.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : 0)))
    : TEXT_MAX
  return { ...STRING, minSize: 2, maxElements: maxLength === undefined ? longest : Math.max(0, maxLength) * 4 }
}

const SCALARS: Readonly<Record<string, CelType>> = {
  string: STRING,
  bool: BOOL,
  int32: INT,
  int64: INT,
  double: DOUBLE,
  bytes: BYTES,
  Time: TIMESTAMP,
  MicroTime: TIMESTAMP,
  Duration: STRING,
}
const structs = new WeakMap<StructSchema, ObjectType>()

/** The type of a built-in kind's struct; recursive types are followed when they are looked into. */
export function typeOfKind(schema: StructSchema): ObjectType {
  const known = structs.get(schema)
  if (known) return known
  let fields: ReadonlyMap<string, ObjectField> | undefined
  const type: ObjectType = {
    kind: 'object',
    name: schema.name || 'object',
    fields: () => {
      fields ??= new Map([...schema.fields.values()].flatMap(fieldOf))
      return fields
    },
  }
  structs.set(schema, type)
  return type
}
function fieldOf({ name: jsonName, schema }: FieldSchema): [string, ObjectField][] {
  const name = escapeField(jsonName)
  return name === undefined ? [] : [[name, { name, jsonName, type: typeOfValue(schema) }]]
}
function typeOfValue(schema: Schema): CelType {
  switch (schema.type) {
    case 'list':
      return listOf(typeOfValue(schema.items))
    case 'map':
      return mapOf(STRING, typeOfValue(schema.values))
    case 'struct':
      return typeOfKind(schema)
    default:
      return SCALARS[schema.type] ?? DYN
  }
}

/** The type of a whole resource as an OpenAPI document shows it, with all of its metadata. */
export function typeOfResource(schema: JSONSchemaProps): CelType | undefined {
  const { metadata: _, ...properties } = schema.properties ?? {}
  const own = typeOfSchema({ ...schema, properties }, false)
  if (own?.kind !== 'object') return own
  const meta = Namespace.schema.fields.get('metadata')!.schema
  const text = (name: string): [string, ObjectField] => [name, { name, jsonName: name, type: STRING }]
  const metadata: ObjectField = { name: 'metadata', jsonName: 'metadata', type: typeOfValue(meta) }
  const fields = new Map([...own.fields(), text('apiVersion'), text('kind'), ['metadata', metadata] as const])
  return { ...own, fields: () => fields }
}
