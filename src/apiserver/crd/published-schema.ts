// A version's schema as OpenAPI documents show it: with what every resource has, and in v2 without what v2 cannot say (so that clients
// that check against it refuse nothing that the server takes).
import {
  type Fields,
  isEmbedded,
  isFields,
  isIntOrString,
  keepsUnknown,
  type Props,
} from '../../api/structural/props.ts'

type Flavor = 'v2' | 'v3'

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'
const TYPE_META: Fields = {
  apiVersion: { type: 'string', description: 'The group and version that this representation of the object is of.' },
  kind: { type: 'string', description: 'The kind of the object, in upper camel case. It cannot be changed.' },
}

/** The definition of a whole resource; it refers to that of metadata. */
export function publishedSchema(props: Props, flavor: Flavor): Fields {
  const root = published({ ...props, 'x-kubernetes-embedded-resource': true } as Props, flavor)
  delete root['x-kubernetes-embedded-resource']
  return { ...root, type: 'object' }
}

function metadata(flavor: Flavor): Fields {
  const description = 'Name, labels and whatever else the server and clients keep about every object.'
  return flavor === 'v2'
    ? { description, $ref: `#/definitions/${META}` }
    : { description, allOf: [{ $ref: `#/components/schemas/${META}` }] }
}

const SUBSCHEMAS = ['allOf', 'anyOf', 'oneOf'] as const

function published(props: Props, flavor: Flavor): Fields {
  const { properties, items, additionalProperties, not, allOf, anyOf, oneOf, ...rest } = props
  const out: Fields = { ...rest }
  const inside = (value: unknown) => (isFields(value) ? published(value as Props, flavor) : value)
  if (items !== undefined) out['items'] = inside(items)
  if (additionalProperties !== undefined) out['additionalProperties'] = inside(additionalProperties)
  if (properties || isEmbedded(props)) {
    const all: Fields = {}
    for (const [name, value] of Object.entries(properties ?? {})) all[name] = inside(value)
    out['properties'] = isEmbedded(props) ? { ...all, ...TYPE_META, metadata: metadata(flavor) } : all
  }
  if (flavor === 'v3') {
    const given = { allOf, anyOf, oneOf }
    for (const key of SUBSCHEMAS) if (given[key]) out[key] = given[key].map(inside)
    if (not) out['not'] = inside(not)
    if (isIntOrString(props) && !anyOf && !allOf) out['anyOf'] = [{ type: 'integer' }, { type: 'string' }]
    return out
  }
  return forV2(props, out)
}

function forV2(props: Props, out: Fields): Fields {
  // k8s: older clients know neither defaults nor null.
  delete out['default']
  delete out['x-kubernetes-validations']
  if (props.nullable) {
    delete out['nullable']
    delete out['type']
    delete out['items']
    delete out['properties']
    delete out['additionalProperties']
  }
  if (isIntOrString(props)) {
    delete out['type']
    out['format'] ??= 'int-or-string'
  }
  if (keepsUnknown(props)) {
    if (props.type !== 'object') delete out['type']
    delete out['items']
    delete out['additionalProperties']
    if (!isEmbedded(props)) delete out['properties']
    delete out['required']
  }
  return out
}
