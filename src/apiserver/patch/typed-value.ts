// Server-side apply's view of an object: which paths it has, what changed between two of them, how an applied configuration is merged
// into it, and how paths are taken out again. Guided by the schema: atomic structs, maps and lists are one value, the lists that are
// maps or sets have an identity for every element. Pure; results may share parts with their inputs.

import { jsonEqual } from '../../api/meta/equality.ts'
import { setKey } from '../../api/schema/clone.ts'
import type { ListSchema, Schema, StructSchema } from '../../api/schema/schema.ts'
import { EMPTY, type FieldSet, formatElement, isEmptySet, isMember, leaf, nodeOf } from './field-set.ts'
import { isObject } from './merge-patch.ts'

type JsonObject = Record<string, unknown>

/** An applied configuration that cannot be taken apart into fields. The message names the path. */
export class TypedValueError extends Error {
  override name = 'TypedValueError'
}

export interface Comparison {
  /** Added or of another value. */
  changed: FieldSet
  removed: FieldSet
}

const NONE: Comparison = { changed: EMPTY, removed: EMPTY }

/** What one write changed. Values that only one side has count with all their paths. */
export function compare(schema: StructSchema, before: unknown, after: unknown): Comparison {
  const found = diff(schema, before ?? {}, after ?? {})
  return found ? { changed: found.changed ?? EMPTY, removed: found.removed ?? EMPTY } : NONE
}

interface Diff {
  changed: FieldSet | undefined
  removed: FieldSet | undefined
}

const CHANGED: Diff = { changed: leaf(), removed: undefined }

function diff(schema: Schema | undefined, before: unknown, after: unknown): Diff | undefined {
  if (before === after) return undefined
  const [had, has] = [isPresent(before), isPresent(after)]
  if (!had || !has) {
    if (has) return { changed: allPaths(schema, after, true), removed: undefined }
    return had ? { changed: undefined, removed: allPaths(schema, before, true) } : undefined
  }
  if (!isGranular(schema) || typeof before !== 'object' || typeof after !== 'object' || !before || !after) {
    return jsonEqual(before, after) ? undefined : CHANGED
  }
  if (schema.type === 'list') {
    if (jsonEqual(before, after)) return undefined // most lists are: spares working out who is who
    const left = Array.isArray(before) ? elementsOf(schema, before) : undefined
    const right = Array.isArray(after) ? elementsOf(schema, after) : undefined
    if (!left || !right) return jsonEqual(before, after) ? undefined : CHANGED
    let found: Diffs | undefined
    for (const [element, value] of right) {
      found = collect(found, element, diff(schema.items, left.get(element), value))
    }
    for (const [element, value] of left) {
      if (!right.has(element)) found = collect(found, element, diff(schema.items, value, undefined))
    }
    return found && { changed: nodeOf(false, found.changed), removed: nodeOf(false, found.removed) }
  }
  if (!isObject(before) || !isObject(after)) return jsonEqual(before, after) ? undefined : CHANGED
  let found: Diffs | undefined
  for (const key in after) {
    const [left, right] = [Object.hasOwn(before, key) ? before[key] : undefined, after[key]]
    if (left !== right) found = collect(found, `f:${key}`, diff(schemaOf(schema, key), left, right))
  }
  for (const key in before) {
    if (!Object.hasOwn(after, key))
      found = collect(found, `f:${key}`, diff(schemaOf(schema, key), before[key], undefined))
  }
  return found && { changed: nodeOf(false, found.changed), removed: nodeOf(false, found.removed) }
}

interface Diffs {
  changed: Record<string, FieldSet>
  removed: Record<string, FieldSet>
}

function collect(into: Diffs | undefined, element: string, found: Diff | undefined): Diffs | undefined {
  if (!found) return into
  const out = into ?? { changed: {}, removed: {} }
  if (found.changed) out.changed[element] = found.changed
  if (found.removed) out.removed[element] = found.removed
  return out
}

/** The paths of an applied configuration: its leaves, its list elements and the keys of its maps. @throws TypedValueError */
export function pathsOf(schema: StructSchema, value: unknown): FieldSet {
  checkLists(schema, value, '')
  if (!isObject(value)) return EMPTY
  const children: Record<string, FieldSet> = {}
  for (const key in value) {
    if (isPresent(value[key])) children[`f:${key}`] = allPaths(schemaOf(schema, key), value[key], false)
  }
  return children
}

/**
 * The node of a value and everything in it. `whole`: what came into being at once, so that its structs, maps and lists are members too;
 * otherwise only leaves, elements and map entries are.
 */
function allPaths(schema: Schema | undefined, value: unknown, whole: boolean): FieldSet {
  if (typeof value !== 'object' || value === null || !isGranular(schema)) return leaf()
  const children: Record<string, FieldSet> = {}
  if (Array.isArray(value)) {
    const elements = schema.type === 'list' ? elementsOf(schema, value) : undefined
    if (!elements || schema.type !== 'list') return leaf()
    for (const [element, item] of elements) children[element] = asMember(allPaths(schema.items, item, whole))
  } else {
    for (const key in value) {
      const inside = (value as JsonObject)[key]
      if (!isPresent(inside)) continue
      const node = allPaths(schemaOf(schema, key), inside, whole)
      children[`f:${key}`] = isMapKey(schema, key) ? asMember(node) : node
    }
  }
  return nodeOf(whole, children) ?? leaf()
}

const asMember = (node: FieldSet): FieldSet => (isMember(node) ? node : nodeOf(true, node as Record<string, FieldSet>)!)

/** Built-in kinds have no nulls; in custom resources a null is a value. */
const isPresent = (value: unknown) => value !== undefined

type Granular = Extract<Schema, { type: 'struct' | 'map' | 'list' }>

/** Does apply look inside? */
function isGranular(schema: Schema | undefined): schema is Granular {
  switch (schema?.type) {
    case 'struct':
      return schema.structType === 'granular'
    case 'map':
      return schema.mapType === 'granular'
    case 'list':
      return schema.listType !== 'atomic'
    default:
      return false
  }
}

function schemaOf(schema: Granular, key: string): Schema | undefined {
  if (schema.type === 'map') return schema.values
  return schema.type === 'struct' ? (schema.fields.get(key)?.schema ?? schema.others) : undefined
}

/** Keys of maps, and of what is kept without being known, are members of their own. */
const isMapKey = (schema: Granular, key: string) =>
  schema.type === 'map' || (schema.type === 'struct' && schema.others !== undefined && !schema.fields.has(key))

/** Elements by identity; undefined when an element has none or two have the same: then the list is compared as one value. */
function elementsOf(schema: ListSchema, list: readonly unknown[]): Map<string, unknown> | undefined {
  const out = new Map<string, unknown>()
  for (const item of list) {
    const element = elementOf(schema, item)
    if (element === undefined || out.has(element)) return undefined
    out.set(element, item)
  }
  return out
}

function elementOf(schema: ListSchema, item: unknown): string | undefined {
  if (schema.listType === 'set') return typeof item === 'object' ? undefined : `v:${JSON.stringify(item)}`
  if (!isObject(item)) return undefined
  const keys: JsonObject = {}
  for (const name of sortedKeys(schema)) {
    const value = item[name] ?? keyDefault(schema, name)
    if (value !== undefined) keys[name] = value
  }
  return isEmptySet(keys as FieldSet) ? undefined : `k:${JSON.stringify(keys)}`
}

const sorted = new WeakMap<ListSchema, readonly string[]>()

function sortedKeys(schema: ListSchema): readonly string[] {
  let keys = sorted.get(schema)
  if (!keys) {
    keys = [...schema.mapKeys].sort()
    sorted.set(schema, keys)
  }
  return keys
}

function keyDefault({ items }: ListSchema, name: string): unknown {
  const field = items.type === 'struct' ? items.fields.get(name) : undefined
  if (!field || field.default !== undefined || field.omitEmpty || field.pointer) return field?.default
  // k8s: a field that is always written has its type's empty value for a default.
  const { type } = field.schema
  return type === 'string' ? '' : type === 'int32' || type === 'int64' ? 0 : undefined
}

/** k8s: every element of an applied list must have its own identity. */
function checkLists(schema: Schema | undefined, value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null || !isGranular(schema)) return
  if (!Array.isArray(value)) {
    for (const key in value) checkLists(schemaOf(schema, key), (value as JsonObject)[key], `${path}.${key}`)
    return
  }
  if (schema.type !== 'list') return
  const seen = new Set<string>()
  value.forEach((item, i) => {
    const element = elementOf(schema, item)
    if (element === undefined) {
      const missing = schema.mapKeys.find((key) => !isObject(item) || item[key] === undefined) ?? ''
      throw new TypedValueError(
        schema.listType === 'set'
          ? `${path}[${i}]: expected a scalar`
          : `${path}: element ${i}: associative list with keys has an element that omits key field ${JSON.stringify(missing)} (and doesn't have default value)`,
      )
    }
    if (seen.has(element)) throw new TypedValueError(`${path}: duplicate entries for key ${formatElement(element)}`)
    seen.add(element)
    checkLists(schema.items, item, path + formatElement(element))
  })
}

/** The object with an applied configuration laid over it. */
export function mergeApplied(schema: Schema | undefined, live: unknown, config: unknown): unknown {
  if (config === undefined || config === null) return live
  if (
    live === undefined ||
    live === null ||
    typeof live !== 'object' ||
    typeof config !== 'object' ||
    !isGranular(schema)
  )
    return config
  if (schema.type === 'list') {
    return Array.isArray(live) && Array.isArray(config) ? mergeLists(schema, live, config) : config
  }
  if (!isObject(live) || !isObject(config)) return config
  const out: JsonObject = {}
  for (const key in live) setKey(out, key, live[key])
  for (const key in config) {
    setKey(out, key, mergeApplied(schemaOf(schema, key), Object.hasOwn(live, key) ? live[key] : undefined, config[key]))
  }
  return out
}

/**
 * Elements of the configuration come in its order, the others stay where they were between them. k8s: an element that both have, and
 * whose turn in the configuration is still to come, doesn't hold up the others that follow it in the live list.
 */
function mergeLists(schema: ListSchema, live: unknown[], config: unknown[]): unknown[] {
  const [left, right] = [elementsOf(schema, live), elementsOf(schema, config)]
  if (!left || !right) return config
  const lefts = [...left.keys()]
  const rights = [...right.keys()]
  const shared = rights.filter((element) => left.has(element))
  const merged = new Set<string>()
  const out: unknown[] = []
  let turn = 0
  const take = (element: string) => {
    const value = right.get(element)
    out.push(left.has(element) ? mergeApplied(schema.items, left.get(element), value) : value)
    merged.add(element)
    if (shared[turn] === element) turn++
  }
  let [l, r] = [0, 0]
  while (l < lefts.length || r < rights.length) {
    const [leftmost, rightmost] = [lefts[l], rights[r]]
    if (leftmost !== undefined && !right.has(leftmost)) {
      out.push(left.get(leftmost))
      l++
    } else if (leftmost !== undefined && leftmost === rightmost) {
      take(leftmost)
      l++
      r++
    } else if (leftmost !== undefined && (merged.has(leftmost) || (rightmost !== undefined && comesLater(leftmost))))
      l++
    else {
      take(rightmost!)
      r++
    }
  }
  return out

  function comesLater(element: string): boolean {
    return turn < shared.length && shared[turn] !== element
  }
}

/**
 * The value without the members of `set` (and all that is in them); undefined when nothing is left.
 * @param keepEmptied for comparing: what only lost all it contained is empty and not removed
 */
export function removePaths(schema: Schema | undefined, value: unknown, set: FieldSet, keepEmptied = false): unknown {
  if (typeof value !== 'object' || value === null || !isGranular(schema)) return value
  if (Array.isArray(value)) {
    if (schema.type !== 'list') return value
    const out: unknown[] = []
    for (const item of value) {
      const element = elementOf(schema, item)
      const node = element === undefined ? undefined : set[element]
      if (!node) out.push(item)
      else if (!isMember(node)) {
        const rest = removePaths(schema.items, item, node, keepEmptied)
        if (rest !== undefined) out.push(rest)
      }
    }
    return out.length > 0 || keepEmptied ? out : undefined
  }
  const out: JsonObject = {}
  for (const key in value) {
    const inside = (value as JsonObject)[key]
    const node = Object.hasOwn(set, `f:${key}`) ? set[`f:${key}`] : undefined
    if (!node) setKey(out, key, inside)
    else if (!isMember(node)) {
      const rest = removePaths(schemaOf(schema, key), inside, node, keepEmptied)
      if (rest !== undefined) setKey(out, key, rest)
    }
  }
  return isEmptySet(out as FieldSet) && !keepEmptied ? undefined : out
}
