// Resources inside of resources: each has to say what it is, and its metadata follows the rules of metadata.
import { type FieldError, invalid, required } from '../meta/errors.ts'
import { dns1035Label, pathSegment } from '../meta/names.ts'
import { validateObjectMeta } from '../meta/object-meta.ts'
import { isEmbedded, isFields, itemsOf, type Props, propertyOf, someProps, valuesOf } from './props.ts'

const withEmbedded = new WeakMap<Props, boolean>()

export function embeddedErrors(props: Props, value: unknown): FieldError[] {
  let any = withEmbedded.get(props)
  if (any === undefined) {
    any = someProps(props, isEmbedded)
    withEmbedded.set(props, any)
  }
  const errors: FieldError[] = []
  if (any) walk(props, value, '', errors)
  return errors
}

function walk(props: Props | undefined, value: unknown, path: string, errors: FieldError[]): void {
  if (!props || typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    const items = itemsOf(props)
    if (items) for (const [i, item] of value.entries()) walk(items, item, `${path}[${i}]`, errors)
    return
  }
  if (path !== '' && isEmbedded(props)) checkResource(value as Record<string, unknown>, path, errors)
  const values = valuesOf(props)
  for (const [name, inside] of Object.entries(value)) {
    const property = propertyOf(props, name)
    if (property) walk(property, inside, path ? `${path}.${name}` : name, errors)
    else if (values && values !== true) walk(values, inside, `${path}[${name}]`, errors)
  }
}

function checkResource(resource: Record<string, unknown>, path: string, errors: FieldError[]): void {
  const { apiVersion, kind, metadata } = resource
  if (apiVersion === undefined || apiVersion === null) errors.push(required(`${path}.apiVersion`))
  else if (apiVersion === '') errors.push(invalid(`${path}.apiVersion`, apiVersion, 'must not be empty'))
  else if (typeof apiVersion !== 'string') errors.push(invalid(`${path}.apiVersion`, apiVersion, 'must be a string'))
  else if (apiVersion.split('/').length > 2) {
    const why = `unexpected GroupVersion string: ${apiVersion}`
    errors.push(invalid(`${path}.apiVersion`, apiVersion, why))
  }
  if (kind === undefined || kind === null) errors.push(required(`${path}.kind`))
  else if (kind === '') errors.push(invalid(`${path}.kind`, kind, 'must not be empty'))
  else if (typeof kind !== 'string') errors.push(invalid(`${path}.kind`, kind, 'must be a string'))
  else if (dns1035Label(kind.toLowerCase()).length > 0) {
    const why = `may have mixed case, but should otherwise match: ${dns1035Label(kind.toLowerCase()).join(',')}`
    errors.push(invalid(`${path}.kind`, kind, why))
  }
  if (!isFields(metadata)) return
  const rules = { namespaced: metadata['namespace'] !== undefined, validateName: pathSegment }
  const named = { ...metadata, name: metadata['name'] ?? 'name' }
  errors.push(...validateObjectMeta(named as never, rules, `${path}.metadata`))
}
