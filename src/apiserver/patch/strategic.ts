// Strategic merge patch: like a merge patch, but lists that the type declares mergeable are merged by their merge key (or as sets
// of scalars), and directives in the patch say what plain JSON cannot:
//   $patch: replace | delete            for this object, or as an element of a merged list
//   $retainKeys: [a, b]                 drop every other key of this object
//   $deleteFromPrimitiveList/x: [v]     take values out of a merged list of scalars
//   $setElementOrder/x: [...]           the order of a merged list's elements
// Works on plain values guided by the schema. Neither input is changed; the result may share parts with both.

import { setKey } from '../../api/schema/clone.ts'
import type { FieldSchema, Schema, StructSchema } from '../../api/schema/schema.ts'
import { isObject } from './merge-patch.ts'
import { goText, malformedPatch, unmarshalError } from './patch-errors.ts'

type JsonObject = Record<string, unknown>

const DIRECTIVE = '$patch'
const RETAIN_KEYS = '$retainKeys'
const DELETE_PREFIX = '$deleteFromPrimitiveList/'
const ORDER_PREFIX = '$setElementOrder/'

/** @throws StatusError (400) for malformed directives and elements without merge key. */
export function applyStrategicPatch(schema: StructSchema, document: unknown, patch: unknown): unknown {
  if (patch === null) return document
  if (!isObject(patch)) throw malformedPatch(unmarshalError(patch, 'value of type map[string]interface {}'))
  return mergeObject(schema, isObject(document) ? document : {}, patch)
}

function mergeObject(schema: Schema | undefined, original: JsonObject, patch: JsonObject): JsonObject {
  if (Object.hasOwn(patch, DIRECTIVE)) {
    const directive = patch[DIRECTIVE]
    if (directive === 'delete') return {}
    if (directive === 'replace') return withoutDirectives(patch) as JsonObject
    if (directive !== 'merge') throw unknownDirective(directive, patch)
  }
  const out: JsonObject = {}
  const retained = retainedKeys(patch)
  for (const key of Object.keys(original)) {
    if (!retained || retained.has(key)) setKey(out, key, original[key])
  }
  for (const name of fieldsIn(patch)) {
    const value = patch[name]
    const field = fieldOf(schema, name)
    if (Object.hasOwn(patch, name) && value === null) {
      delete out[name]
      continue
    }
    const current = Object.hasOwn(out, name) ? out[name] : undefined
    const deletions = listDirective(patch, DELETE_PREFIX + name)
    const order = listDirective(patch, ORDER_PREFIX + name)
    if (deletions || order || (Array.isArray(value) && isMergedList(field))) {
      const merged = mergeList(field, name, current, value, deletions, order)
      if (merged !== undefined) setKey(out, name, merged)
    } else if (isObject(value) && isObject(current) && !replacesObject(field)) {
      setKey(out, name, mergeObject(field?.schema ?? valueSchema(schema), current, value))
    } else {
      // k8s: what is to replace or delete something that isn't there does nothing.
      if (isDirected(value) && current === undefined) continue
      setKey(out, name, withoutDirectives(value))
    }
  }
  return out
}

/** The names of the fields that a patch is about, its directives' included, in the patch's order. */
function fieldsIn(patch: JsonObject): Set<string> {
  const names = new Set<string>()
  for (const key of Object.keys(patch)) {
    if (key === DIRECTIVE || key === RETAIN_KEYS) continue
    if (key.startsWith(DELETE_PREFIX)) names.add(key.slice(DELETE_PREFIX.length))
    else if (key.startsWith(ORDER_PREFIX)) names.add(key.slice(ORDER_PREFIX.length))
    else names.add(key)
  }
  return names
}

function fieldOf(schema: Schema | undefined, name: string): FieldSchema | undefined {
  return schema?.type === 'struct' ? schema.fields.get(name) : undefined
}

const valueSchema = (schema: Schema | undefined): Schema | undefined =>
  schema?.type === 'map' ? schema.values : undefined

const strategies = (field: FieldSchema | undefined) => field?.patchStrategy?.split(',') ?? []
const isMergedList = (field: FieldSchema | undefined) => strategies(field).includes('merge')
const replacesObject = (field: FieldSchema | undefined) => strategies(field).includes('replace')

function retainedKeys(patch: JsonObject): Set<unknown> | undefined {
  if (!Object.hasOwn(patch, RETAIN_KEYS)) return undefined
  const keys = patch[RETAIN_KEYS]
  if (!Array.isArray(keys)) throw malformedPatch('invalid patch format of retainKeys')
  const set = new Set<unknown>(keys)
  for (const key of Object.keys(patch)) {
    if (!key.startsWith('$') && patch[key] !== null && !set.has(key))
      throw malformedPatch('invalid patch format of retainKeys')
  }
  return set
}

function listDirective(patch: JsonObject, key: string): unknown[] | undefined {
  if (!Object.hasOwn(patch, key)) return undefined
  const value = patch[key]
  if (Array.isArray(value)) return value
  throw malformedPatch(
    key.startsWith(ORDER_PREFIX)
      ? 'invalid patch format of setElementOrder list'
      : 'invalid patch format of primitive list',
  )
}

function mergeList(
  field: FieldSchema | undefined,
  name: string,
  current: unknown,
  patch: unknown,
  deletions: unknown[] | undefined,
  order: unknown[] | undefined,
): unknown[] | undefined {
  const original = Array.isArray(current) ? current : []
  const additions = Array.isArray(patch) ? patch : []
  if (!Array.isArray(current) && !Array.isArray(patch)) return undefined
  const sample = [...original, ...additions, ...(order ?? [])]
  if (sample.some(Array.isArray)) throw malformedPatch('lists of lists are not supported')
  const objects = sample.filter(isObject).length
  if (objects > 0 && objects < sample.length) {
    throw malformedPatch(`list element types are not identical in field ${JSON.stringify(name)}`)
  }
  if (objects === 0) {
    const gone = new Set(deletions)
    const kept = original.filter((item) => !gone.has(item))
    if (order && patch) checkOrder(additions, order, jsonKey)
    const merged = [...new Set([...kept, ...(isMergedList(field) || !patch ? additions : [])])]
    return arrange(merged, original, order ?? additions, jsonKey)
  }
  if (!isMergedList(field) && patch) return withoutDirectives(additions) as unknown[]
  const mergeKey = field?.patchMergeKey
  if (!mergeKey) throw malformedPatch(`cannot merge lists without merge key for field ${JSON.stringify(name)}`)
  return mergeObjects(field, mergeKey, original as JsonObject[], additions as JsonObject[], order)
}

function mergeObjects(
  field: FieldSchema,
  mergeKey: string,
  original: JsonObject[],
  patch: JsonObject[],
  order: unknown[] | undefined,
): JsonObject[] {
  const items = field.schema.type === 'list' ? field.schema.items : undefined
  const keyOf = (item: unknown) => jsonKey((item as JsonObject)[mergeKey])
  const keyed = (item: JsonObject) => {
    if (item[mergeKey] === undefined) {
      throw malformedPatch(`map: ${goText(item)} does not contain declared merge key: ${mergeKey}`)
    }
    return item
  }
  const deleted = new Set<string>()
  const plain: JsonObject[] = []
  for (const item of patch) {
    const directive = item[DIRECTIVE]
    if (directive === 'delete') {
      deleted.add(keyOf(keyed(item)))
    } else if (directive === 'replace') {
      // the list becomes what the patch says: its other elements
      return patch
        .filter((other) => other[DIRECTIVE] === undefined)
        .map((other) => withoutDirectives(other) as JsonObject)
    } else if (directive !== undefined && directive !== 'merge') {
      throw unknownDirective(directive, item)
    } else {
      plain.push(keyed(item))
    }
  }
  const merged = original.filter((item) => !deleted.has(keyOf(item)))
  const places = placesOf(merged, keyOf)
  for (const item of plain) {
    const key = keyOf(item)
    const at = places.get(key)
    if (at !== undefined) merged[at] = mergeObject(items, merged[at]!, item)
    else places.set(key, merged.push(withoutDirectives(item) as JsonObject) - 1)
  }
  if (order) checkOrder(plain, order, keyOf)
  return arrange(merged, original, order ?? plain, keyOf) as JsonObject[]
}

type KeyOf = (item: unknown) => string

/** Of a scalar, or of the value of a merge key. */
const jsonKey: KeyOf = (value) => String(JSON.stringify(value))

/** Where each key comes first. */
function placesOf(list: readonly unknown[], keyOf: KeyOf): Map<string, number> {
  const places = new Map<string, number>()
  for (const [at, item] of list.entries()) {
    const key = keyOf(item)
    if (!places.has(key)) places.set(key, at)
  }
  return places
}

/** Every element that the patch writes must be in its own order list. */
function checkOrder(patch: readonly unknown[], order: readonly unknown[], keyOf: KeyOf): void {
  let at = 0
  for (const item of patch) {
    const key = keyOf(item)
    while (at < order.length && keyOf(order[at]) !== key) at++
    if (at === order.length) {
      throw malformedPatch(
        `The order in patch list:\n${goText(patch)}\n doesn't match $setElementOrder list:\n${goText(order)}\n`,
      )
    }
  }
}

/**
 * k8s: elements that the patch names come in the patch's order, the others keep theirs; where the two meet, an element that stood
 * before another on the server stays before it.
 */
function arrange(merged: unknown[], original: readonly unknown[], order: readonly unknown[], keyOf: KeyOf): unknown[] {
  const ordered = placesOf(order, keyOf)
  const before = placesOf(original, keyOf)
  const named = merged
    .filter((item) => ordered.has(keyOf(item)))
    .map((item) => ({ item, at: ordered.get(keyOf(item))! }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
  const out: unknown[] = []
  let n = 0
  for (const other of merged) {
    if (ordered.has(keyOf(other))) continue
    const otherAt = before.get(keyOf(other))
    while (n < named.length) {
      const namedAt = before.get(keyOf(named[n]))
      if (namedAt !== undefined && otherAt !== undefined && otherAt < namedAt) break
      out.push(named[n++])
    }
    out.push(other)
  }
  return [...out, ...named.slice(n)]
}

const isDirected = (value: unknown) => isObject(value) && value[DIRECTIVE] !== undefined

/** A value that is taken over whole: its directives have done their work, its nulls mean "nothing here". */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.filter((item) => !isDirected(item)).map(withoutDirectives)
  }
  if (!isObject(value)) return value
  const out: JsonObject = {}
  for (const key of Object.keys(value)) {
    if (key === DIRECTIVE || key === RETAIN_KEYS || key.startsWith(DELETE_PREFIX) || key.startsWith(ORDER_PREFIX))
      continue
    if (value[key] !== null && !isDirected(value[key])) setKey(out, key, withoutDirectives(value[key]))
  }
  return out
}

const unknownDirective = (directive: unknown, where: JsonObject) =>
  malformedPatch(`unknown patch type: ${String(directive)} in map: ${goText(where)}`)
