// Values of closed sets, checked against the tables: what a kind's own rules say nothing about. The status is the components' own to
// write and isn't looked at; neither is an empty text, which means absent. Types without closed sets cost nothing.
import { type FieldError, notSupported } from '../meta/errors.ts'
import type { FieldSchema, Schema, StructSchema } from './schema.ts'

const NOT_CHECKED: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'status'])

/** Of a whole object; one error for each value that its field doesn't know. */
export function enumErrors(schema: StructSchema, object: object): FieldError[] {
  const errors: FieldError[] = []
  for (const field of closedFields(schema)) {
    if (!NOT_CHECKED.has(field.name)) checkField(field, object as Record<string, unknown>, '', errors)
  }
  return errors
}

function checkField(field: FieldSchema, parent: Record<string, unknown>, path: string, errors: FieldError[]): void {
  const value = Object.hasOwn(parent, field.name) ? parent[field.name] : undefined
  if (value === undefined || value === null) return
  check(field.schema, field.enum, value, path ? `${path}.${field.name}` : field.name, errors)
}

function check(schema: Schema, known: FieldSchema['enum'], value: unknown, path: string, errors: FieldError[]): void {
  switch (schema.type) {
    case 'string':
      if (known && value !== '' && !known.includes(value as string))
        errors.push(notSupported(path, value, [...known].sort()))
      return
    case 'list':
      for (const [i, item] of (value as unknown[]).entries()) check(schema.items, known, item, `${path}[${i}]`, errors)
      return
    case 'map':
      for (const [key, item] of Object.entries(value as object)) {
        check(schema.values, known, item, `${path}[${key}]`, errors)
      }
      return
    case 'struct':
      for (const field of closedFields(schema)) checkField(field, value as Record<string, unknown>, path, errors)
  }
}

const closedByStruct = new WeakMap<StructSchema, readonly FieldSchema[]>()

/** The fields with a closed set, and those that lead to one. */
function closedFields(schema: StructSchema): readonly FieldSchema[] {
  let fields = closedByStruct.get(schema)
  if (!fields) {
    // Types that contain themselves: what is being found out counts as leading nowhere meanwhile.
    closedByStruct.set(schema, [])
    fields = [...schema.fields.values()].filter((field) => field.enum !== undefined || leadsToClosed(field.schema))
    closedByStruct.set(schema, fields)
  }
  return fields
}

function leadsToClosed(schema: Schema): boolean {
  if (schema.type === 'list') return leadsToClosed(schema.items)
  if (schema.type === 'map') return leadsToClosed(schema.values)
  return schema.type === 'struct' && closedFields(schema).length > 0
}
