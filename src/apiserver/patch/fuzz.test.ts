// Seeded random objects of real kinds, patched back and forth: what must hold for every object and every patch.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonEqual, semanticEqual } from '../../api/meta/equality.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import { decodeObject } from '../../api/schema/decode.ts'
import { applyDefaults, fillEmptyStructs } from '../../api/schema/defaults.ts'
import type { FieldSchema, Schema } from '../../api/schema/schema.ts'
import { structFor } from '../../api/schema/tables.ts'
import { applyConfiguration } from './apply.ts'
import { difference, type FieldSet, intersection, isEmptySet, sameSet, union } from './field-set.ts'
import { type PlainObject, trackUpdate } from './managed-fields.ts'
import { applyMergePatch, isObject } from './merge-patch.ts'
import { applyStrategicPatch } from './strategic.ts'
import { compare, pathsOf } from './typed-value.ts'

const ROUNDS = 300
const KINDS = [
  ['apps', 'v1', 'Deployment'],
  ['', 'v1', 'Pod'],
  ['', 'v1', 'Service'],
  ['networking.k8s.io', 'v1', 'Ingress'],
  ['', 'v1', 'ConfigMap'],
] as const

/** mulberry32 */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

class Maker {
  readonly random: () => number
  constructor(seed: number) {
    this.random = randomFrom(seed)
  }
  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)]!
  }
  object(schema: Schema, depth: number): Record<string, unknown> {
    const out: Record<string, unknown> = {}
    if (schema.type !== 'struct') return out
    for (const field of schema.fields.values()) {
      if (field.name === 'apiVersion' || field.name === 'kind' || field.name === 'managedFields') continue
      if (this.random() < (field.required ? 0.9 : depth > 3 ? 0.12 : 0.4))
        out[field.name] = this.value(field, field.schema, depth)
    }
    return out
  }
  value(field: FieldSchema, schema: Schema, depth: number): unknown {
    switch (schema.type) {
      case 'struct':
        return depth > 6 ? {} : this.object(schema, depth + 1)
      case 'map':
        return Object.fromEntries(
          ['a', 'b', 'c']
            .filter(() => this.random() < 0.5)
            .map((key) => [key, this.value(field, schema.values, depth)]),
        )
      case 'list': {
        const items = Array.from({ length: Math.floor(this.random() * 4) }, (_, i) => {
          const item = this.value(field, schema.items, depth)
          if (isObject(item)) {
            const keys = [...schema.mapKeys, ...(field.patchMergeKey ? [field.patchMergeKey] : [])]
            for (const key of keys) {
              const leaf = schema.items.type === 'struct' ? schema.items.fields.get(key)?.schema.type : undefined
              item[key] = leaf === 'int32' ? 100 + i : key === 'protocol' ? 'TCP' : `${key}-${i}`
            }
          }
          return item
        })
        return items.every((item) => typeof item !== 'object') ? [...new Set(items)] : items
      }
      case 'bool':
        return this.random() < 0.8
      case 'int32':
      case 'int64':
      case 'IntOrString':
        return 1 + Math.floor(this.random() * 9)
      case 'double':
        return this.random()
      case 'bytes':
        return 'YWJj'
      case 'Time':
        return '2026-01-02T03:04:05Z'
      case 'MicroTime':
        return '2026-01-02T03:04:05.000001Z'
      case 'Duration':
        return '1m0s'
      case 'Quantity':
        return this.pick(['1', '500m', '1Gi'])
      case 'RawExtension':
      case 'JSON':
        return { any: this.pick(['x', 'y']) }
      default:
        return field.enum ? this.pick(field.enum) : this.pick(['x', 'y', 'z'])
    }
  }
}

/** The merge patch that turns one value into another. */
function mergePatchBetween(before: unknown, after: unknown): unknown {
  if (!isObject(before) || !isObject(after)) return after
  const patch: Record<string, unknown> = {}
  for (const key of Object.keys(before)) if (!(key in after)) patch[key] = null
  for (const key of Object.keys(after)) {
    if (!jsonEqual(before[key], after[key])) patch[key] = mergePatchBetween(before[key], after[key])
  }
  return patch
}

function each(check: (maker: Maker, schema: ReturnType<typeof structFor>, note: string) => void): void {
  for (const [group, version, kind] of KINDS) {
    const schema = structFor(group, version, kind)
    for (let seed = 1; seed <= ROUNDS / KINDS.length; seed++)
      check(new Maker(seed), schema, `${kind} with seed ${seed}`)
  }
}
const make = (maker: Maker, schema: ReturnType<typeof structFor>) => {
  const { object, unknown } = decodeObject(schema, maker.object(schema, 0))
  assert.deepEqual(unknown, [])
  return fillEmptyStructs(schema, applyDefaults(schema, object)) as PlainObject
}

test('decoding what was decoded changes nothing', () => {
  each((maker, schema, note) => {
    const object = make(maker, schema)
    assert.deepEqual(decodeObject(schema, object).object, object, note)
    assert.deepEqual(fillEmptyStructs(schema, applyDefaults(schema, cloneJson(object))), object, note)
  })
})

test('a merge patch made from two objects turns one into the other', () => {
  each((maker, schema, note) => {
    const [before, after] = [make(maker, schema), make(maker, schema)]
    const kept = cloneJson(before)
    const patch = mergePatchBetween(before, after)
    assert.ok(jsonEqual(applyMergePatch(before, patch), after), note)
    assert.ok(jsonEqual(before, kept), note)
  })
})

test('a strategic patch that repeats the object changes nothing, and one patch applied twice equals once', () => {
  each((maker, schema, note) => {
    const [object, patch] = [make(maker, schema), make(maker, schema)]
    const kept = cloneJson(object)
    assert.ok(jsonEqual(applyStrategicPatch(schema, object, object), object), note)
    const once = applyStrategicPatch(schema, object, patch)
    assert.ok(jsonEqual(applyStrategicPatch(schema, once, patch), once), note)
    assert.ok(jsonEqual(object, kept), note)
  })
})

test('comparing finds nothing in equal objects, and every difference in others', () => {
  each((maker, schema, note) => {
    const [a, b] = [make(maker, schema), make(maker, schema)]
    const none = compare(schema, a, cloneJson(a))
    assert.ok(isEmptySet(none.changed) && isEmptySet(none.removed), note)
    const there = compare(schema, a, b)
    const back = compare(schema, b, a)
    assert.equal(jsonEqual(a, b), isEmptySet(there.changed) && isEmptySet(there.removed), note)
    // what one direction removes, the other adds
    assert.ok(sameSet(intersection(there.removed, back.changed), there.removed), note)
  })
})

test('field sets obey the laws of sets', () => {
  each((maker, schema, note) => {
    const sets: FieldSet[] = [make(maker, schema), make(maker, schema)].map((object) => pathsOf(schema, object))
    const [a, b] = sets as [FieldSet, FieldSet]
    assert.ok(sameSet(union(a, b), union(b, a)), note)
    assert.ok(sameSet(union(difference(a, b), intersection(a, b)), a), note)
    assert.ok(isEmptySet(difference(a, a)), note)
    assert.ok(isEmptySet(intersection(difference(a, b), b)), note)
  })
})

test('apply is idempotent, and giving everything up removes everything applied', () => {
  each((maker, schema, note) => {
    const target = { schema, apiVersion: 'v1', kind: 'X' }
    const config = { apiVersion: 'v1', ...make(maker, schema), metadata: { name: 'x' } }
    const options = { manager: 'm', force: false, now: '2026-01-01T00:00:00Z' }
    const first = applyConfiguration(target, undefined, config, options)
    const live = { ...first.object, metadata: { ...first.object.metadata, managedFields: first.managedFields } }
    const again = applyConfiguration(target, live, config, { ...options, now: '2026-01-02T00:00:00Z' })
    assert.deepEqual(again.managedFields, first.managedFields, note)
    assert.ok(semanticEqual(again.object, first.object), note)
    const gone = applyConfiguration(target, live, { apiVersion: 'v1', metadata: { name: 'x' } }, options)
    assert.equal(gone.managedFields, undefined, note)
    const { apiVersion: _, metadata: __, ...rest } = gone.object
    assert.ok(Object.values(rest).every(isBare), note)
  })
})

/** Nothing but the values that the wire always carries. */
function isBare(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isBare)
  if (isObject(value)) return Object.values(value).every(isBare)
  return value === '' || value === 0 || value === false || value === null || value === '0'
}

test('after every write each changed field has exactly one ordinary owner', () => {
  each((maker, schema, note) => {
    const target = { schema, apiVersion: 'v1' }
    let live = make(maker, schema)
    live = { ...live, metadata: { ...live.metadata, managedFields: trackUpdate(target, undefined, live, 'm0', 't0') } }
    for (let write = 1; write < 4; write++) {
      const next = make(maker, schema)
      const entries = trackUpdate(target, live, next, `m${write}`, `t${write}`)
      const sets = (entries ?? []).map((entry) => entry.fieldsV1 as FieldSet)
      for (const [i, a] of sets.entries()) {
        for (const b of sets.slice(i + 1)) assert.ok(isEmptySet(intersection(a, b)), note)
      }
      live = { ...next, metadata: { ...next.metadata, managedFields: entries } }
    }
  })
})
