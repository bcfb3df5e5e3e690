// The shape of a custom resource, from its OpenAPI schema: what server-side apply, field ownership and patches walk. Reading (pruning)
// is the schema's own affair; types are checked by validation, not here, so that every leaf is any value.
import type { FieldSchema, MapSchema, Schema, StructSchema } from '../schema/schema.ts'
import { type Fields, isEmbedded, itemsOf, keepsUnknown, type Props, propertyOf, valuesOf } from './props.ts'
import { metadataSchema, pruneResource } from './prune.ts'

const ANY: Schema = { type: 'JSON' }

/** What nothing is known of: objects are taken apart by their names, everything else is one value. */
const DEDUCED: MapSchema = {
  type: 'map',
  mapType: 'granular',
  get values(): Schema {
    return DEDUCED
  },
}

/** The schema of a version's objects. Anonymous: the definition's name is made of the kind's. */
export function resourceShape(props: Props): StructSchema {
  const fields = new Map<string, FieldSchema>()
  for (const name of ['apiVersion', 'kind']) fields.set(name, field(name, { type: 'string' }, undefined))
  fields.set('metadata', field('metadata', metadataSchema(), undefined))
  for (const name of Object.keys(props.properties ?? {})) {
    if (!fields.has(name)) fields.set(name, fieldOf(props, name))
  }
  return {
    ...struct(fields, props),
    read: (value, partial) => pruneResource(props, value as Fields, partial ? 'partial' : 'whole'),
  }
}

const field = (name: string, schema: Schema, standard: unknown): FieldSchema => ({
  name,
  schema,
  required: false,
  omitEmpty: true,
  pointer: true,
  default: standard,
  enum: undefined,
  patchStrategy: undefined,
  patchMergeKey: undefined,
  number: 0,
})

function fieldOf(props: Props, name: string): FieldSchema {
  const property = propertyOf(props, name)!
  return field(name, shapeOf(property), property.default)
}

const struct = (fields: ReadonlyMap<string, FieldSchema>, props: Props): StructSchema => ({
  type: 'struct',
  name: '',
  fields,
  embedded: [],
  structType: props['x-kubernetes-map-type'] === 'atomic' ? 'atomic' : 'granular',
  preserveUnknown: keepsUnknown(props),
  ...(keepsUnknown(props) ? { others: DEDUCED } : {}),
})

function shapeOf(props: Props): Schema {
  const atomic = props['x-kubernetes-map-type'] === 'atomic'
  if (props.type === 'array') {
    const items = itemsOf(props)
    const listType = props['x-kubernetes-list-type']
    return {
      type: 'list',
      items: items ? shapeOf(items) : ANY,
      listType: listType === 'map' || listType === 'set' ? listType : 'atomic',
      mapKeys: props['x-kubernetes-list-map-keys'] ?? [],
    }
  }
  if (props.type === 'object' || (props.type === undefined && props.properties)) {
    const values = valuesOf(props)
    if (values && !props.properties) {
      return {
        type: 'map',
        values: values === true ? DEDUCED : shapeOf(values),
        mapType: atomic ? 'atomic' : 'granular',
      }
    }
    const fields = new Map<string, FieldSchema>()
    if (isEmbedded(props)) {
      for (const name of ['apiVersion', 'kind']) fields.set(name, field(name, { type: 'string' }, undefined))
      fields.set('metadata', field('metadata', metadataSchema(), undefined))
    }
    for (const name of Object.keys(props.properties ?? {})) {
      if (!fields.has(name)) fields.set(name, fieldOf(props, name))
    }
    return struct(fields, props)
  }
  return keepsUnknown(props) ? DEDUCED : ANY
}
