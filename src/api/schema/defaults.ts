// The plain defaults of the tables (`protocol: TCP`), and the empty structs that the wire always carries (`resources: {}`). Both
// walk an object in place along plans compiled once per struct, which skip every branch that has nothing to fill in; both are
// idempotent. Defaults that depend on other fields are a kind's own (`kind.default`).
import { cloneJson } from './clone.ts'
import { decodeObject } from './decode.ts'
import type { FieldSchema, Schema, StructSchema } from './schema.ts'

/** Sets every absent field that has a plain default, wherever its parent is present. Mutates and returns `object`. */
export function applyDefaults<T extends object>(schema: StructSchema, object: T): T {
  walk(planOf(schema, 'defaults'), object as Record<string, unknown>)
  return object
}

/**
 * Adds the empty structs that a Go server writes because its fields are values and not pointers: `status: {}`,
 * `strategy: {}`, `resources: {}`. For the registry, after defaulting and before validation. Mutates and returns `object`.
 */
export function fillEmptyStructs<T extends object>(schema: StructSchema, object: T): T {
  walk(planOf(schema, 'structs'), object as Record<string, unknown>)
  return object
}

type Purpose = 'defaults' | 'structs'

interface Plan {
  /** Undefined until needed: types may contain themselves. */
  steps: Step[] | undefined
  make: () => Step[]
}
interface Step {
  name: string
  /** What an absent field becomes; undefined: stays absent. */
  value: (() => unknown) | undefined
  /** How to go on inside. */
  inside: { plan: Plan; each: readonly ('list' | 'map')[] } | undefined
}

const NOTHING: Plan = { steps: [], make: () => [] }
const plans = { defaults: new WeakMap<object, Plan>(), structs: new WeakMap<object, Plan>() }

function planOf(schema: StructSchema, purpose: Purpose): Plan {
  const known = plans[purpose].get(schema)
  if (known) return known
  // a custom resource's defaults are its kind's affair
  if (schema.read) return NOTHING
  const plan: Plan = { steps: undefined, make: () => [...schema.fields.values()].flatMap((f) => stepOf(f, purpose)) }
  plans[purpose].set(schema, plan)
  return plan
}

function stepOf(field: FieldSchema, purpose: Purpose): Step[] {
  const each: ('list' | 'map')[] = []
  let leaf: Schema = field.schema
  while (leaf.type === 'list' || leaf.type === 'map') {
    each.push(leaf.type)
    leaf = leaf.type === 'list' ? leaf.items : leaf.values
  }
  const struct = leaf.type === 'struct' && reaches(leaf, purpose, new Set()) ? leaf : undefined
  const value = purpose === 'defaults' ? plainDefault(field) : emptyStruct(field)
  if (!struct && !value) return []
  return [{ name: field.name, value, inside: struct && { plan: planOf(struct, purpose), each } }]
}

function plainDefault(field: FieldSchema): (() => unknown) | undefined {
  const value = field.default
  if (value === undefined) return undefined
  // a default that is the zero value of an omitted field never shows on the wire
  if (field.omitEmpty && !field.pointer && (value === '' || value === 0 || value === false)) return undefined
  return typeof value === 'object' ? () => cloneJson(value) : () => value
}

function emptyStruct({ schema, pointer }: FieldSchema): (() => unknown) | undefined {
  if (schema.type !== 'struct' || pointer || schema.name === '') return undefined
  return () => decodeObject(schema, {}).object // with what the wire always carries inside
}

/** Is there anything to fill in below this type? */
function reaches(schema: StructSchema, purpose: Purpose, seen: Set<StructSchema>): boolean {
  if (seen.has(schema)) return false
  seen.add(schema)
  for (const field of schema.fields.values()) {
    if (purpose === 'defaults' ? plainDefault(field) : emptyStruct(field)) return true
    let leaf: Schema = field.schema
    while (leaf.type === 'list' || leaf.type === 'map') leaf = leaf.type === 'list' ? leaf.items : leaf.values
    if (leaf.type === 'struct' && reaches(leaf, purpose, seen)) return true
  }
  return false
}

function walk(plan: Plan, object: Record<string, unknown>): void {
  plan.steps ??= plan.make()
  for (const { name, value, inside } of plan.steps) {
    let entry = object[name]
    if (entry === undefined || entry === null) {
      if (!value) continue
      entry = value()
      object[name] = entry
    }
    if (inside) descend(inside.plan, inside.each, 0, entry)
  }
}

function descend(plan: Plan, each: readonly ('list' | 'map')[], at: number, value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (at === each.length) {
    if (!Array.isArray(value)) walk(plan, value as Record<string, unknown>)
  } else if (Array.isArray(value)) {
    for (const item of value) descend(plan, each, at + 1, item)
  } else {
    for (const key in value) descend(plan, each, at + 1, (value as Record<string, unknown>)[key])
  }
}
