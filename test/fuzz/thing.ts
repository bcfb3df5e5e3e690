// A small type with one field of each sort that patches treat in their own way: what the models of strategic merge and of apply are about.
import type { FieldSchema, Schema, StructSchema } from '../../src/api/schema/schema.ts'

const TEXT: Schema = { type: 'string' }

const struct = (fields: Record<string, { schema: Schema; strategy?: string; key?: string }>): StructSchema => ({
  type: 'struct',
  name: '',
  fields: new Map(
    Object.entries(fields).map(([name, { schema, strategy, key }]): [string, FieldSchema] => [
      name,
      {
        name,
        schema,
        required: false,
        omitEmpty: true,
        pointer: true,
        default: undefined,
        enum: undefined,
        patchStrategy: strategy,
        patchMergeKey: key,
        number: 0,
      },
    ]),
  ),
  embedded: [],
  structType: 'granular',
  preserveUnknown: false,
})

const ITEM = struct({ name: { schema: TEXT }, value: { schema: TEXT } })
const METADATA = struct({ name: { schema: TEXT } })

export const THING = struct({
  apiVersion: { schema: TEXT },
  kind: { schema: TEXT },
  metadata: { schema: METADATA },
  text: { schema: TEXT },
  map: { schema: { type: 'map', values: TEXT, mapType: 'granular' } },
  whole: { schema: { type: 'map', values: TEXT, mapType: 'atomic' } },
  set: { schema: { type: 'list', items: TEXT, listType: 'set', mapKeys: [] }, strategy: 'merge' },
  plain: { schema: { type: 'list', items: TEXT, listType: 'atomic', mapKeys: [] } },
  named: { schema: { type: 'list', items: ITEM, listType: 'map', mapKeys: ['name'] }, strategy: 'merge', key: 'name' },
})

export interface Item {
  name: string
  value?: string
}
export interface Thing {
  text?: string
  map?: Record<string, string>
  whole?: Record<string, string>
  set?: string[]
  plain?: string[]
  named?: Item[]
}
