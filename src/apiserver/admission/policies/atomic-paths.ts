// Where an applied configuration names something that apply replaces as a whole: atomic lists, maps and structs. k8s: a mutating policy
// may not, since it would drop what it does not name.
import type { Schema } from '../../../api/schema/schema.ts'

export function atomicPaths(schema: Schema | undefined, value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return []
  if (schema?.type === 'list' && Array.isArray(value)) {
    const inside = value.flatMap((item, i) => atomicPaths(schema.items, item, `${path}[${i}]`))
    return schema.listType === 'atomic' ? [path, ...inside] : inside
  }
  if (schema?.type === 'map') return schema.mapType === 'atomic' ? [path] : []
  if (schema?.type !== 'struct' || Array.isArray(value)) return []
  const inside = Object.entries(value).flatMap(([key, item]) => {
    const field = schema.fields.get(key)
    return field ? atomicPaths(field.schema, item, `${path}.${key}`) : []
  })
  return schema.structType === 'atomic' ? [path, ...inside] : inside
}
