// Server-side apply against its model: random appliers and updaters write the same object, and after each write its values and who holds what are as the
// model says; conflicts are the model's.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StatusError } from '../../src/api/meta/errors.ts'
import { cloneJson } from '../../src/api/schema/clone.ts'
import { applyConfiguration } from '../../src/apiserver/patch/apply.ts'
import type { FieldSet } from '../../src/apiserver/patch/field-set.ts'
import { type PlainObject, trackUpdate } from '../../src/apiserver/patch/managed-fields.ts'
import { ApplyModel, pathsIn, tableOf } from './apply-model.ts'
import { Random, rounds, SEED } from './random.ts'
import { THING, type Thing } from './thing.ts'

const TARGET = { schema: THING, apiVersion: 'v1', kind: 'Thing' }
const WRITES = 12
const APPLIERS = ['a', 'b', 'c']
const UPDATERS = ['u', 'v']
const HEAD = { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'x' } }

function randomThing(random: Random): Thing {
  const thing: Thing = {}
  const value = () => random.pick(['1', '2'])
  const some = (list: readonly string[]) => list.filter(() => random.chance(0.4))
  const has = () => random.chance(0.45)
  const mapOf = (keys: string[]) => Object.fromEntries(keys.map((key) => [key, value()]))
  if (has()) thing.text = value()
  const [keys, members] = [some(['p', 'q', 'r']), some(['s', 't', 'w'])]
  if (has() && keys.length > 0) thing.map = mapOf(keys)
  if (has()) thing.whole = mapOf(['k', ...some(['l'])])
  if (has() && members.length > 0) thing.set = random.shuffled(members)
  if (has()) thing.plain = [value(), value()]
  const names = some(['m', 'n', 'o'])
  if (has() && names.length > 0) {
    thing.named = random.shuffled(names).map((name) => ({ name, ...(has() ? { value: value() } : {}) }))
  }
  return thing
}

/** Some fields of the object as in another one; elements come and go as a whole. */
function changed(random: Random, live: Thing): Thing {
  const other = randomThing(random)
  const next = cloneJson(live) as Thing & Record<string, unknown>
  for (const field of ['text', 'map', 'whole', 'set', 'plain'] as const) {
    if (random.chance(0.6)) continue
    if (other[field] === undefined) delete next[field]
    else Object.assign(next, { [field]: other[field] })
  }
  const kept = (live.named ?? []).filter(() => random.chance(0.8))
  const added = (other.named ?? []).filter(({ name }) => !live.named?.some((item) => item.name === name))
  if (kept.length + added.length > 0) next.named = [...kept, ...added]
  else delete next.named
  return next
}

const fieldsOf = (live: PlainObject | undefined) =>
  new Map(
    (live?.metadata?.managedFields ?? []).map(({ manager, fieldsV1 }) => [manager!, pathsIn(fieldsV1 as FieldSet)]),
  )

function agree(live: PlainObject | undefined, model: ApplyModel, note: string): void {
  assert.deepEqual(sorted(tableOf((live ?? {}) as Thing)), sorted(model.values), note)
  const held = [...fieldsOf(live)].filter(([, paths]) => paths.size > 0).map(([who, paths]) => [who, [...paths].sort()])
  const expected = [...model.held].map(([who, paths]) => [who, [...paths].sort()])
  assert.deepEqual(held.sort(), expected.sort(), note)
}
const sorted = (table: ReadonlyMap<string, string>) => [...table].sort()

function apply(live: PlainObject | undefined, config: Thing, manager: string, force: boolean): PlainObject {
  const now = '2026-01-01T00:00:00Z'
  const { object, managedFields } = applyConfiguration(TARGET, live, { ...HEAD, ...config }, { manager, force, now })
  return { ...object, metadata: { ...object.metadata, ...(managedFields ? { managedFields } : {}) } }
}

/**
 * k8s: who made a container by an update holds it even when it is gone because nothing was left in it: that it comes again is a
 * conflict with them. The model knows no containers.
 */
const isContainer = (field: string) => /^\.(map|set|named)$/.test(field)

function conflictsOf(err: unknown): string[] {
  assert.ok(err instanceof StatusError && err.code === 409, (err as Error).stack)
  const causes = (err.details?.causes ?? []).filter(({ field }) => !isContainer(field!))
  return causes.map(({ message, field }) => {
    const who = /^conflict with "(\w)"/.exec(message ?? '')![1]
    const path = field!
      .slice(1)
      .replace(/\[name="(\w)"\]/, '/$1')
      .replace(/\[(?:="?)?"?(\w)"?\]/, '/$1')
    return `${who}: ${path.replaceAll('.', '/')}`
  })
}

test('apply and updates do with values, holders and conflicts what the model does', () => {
  for (let seed = SEED; seed < SEED + rounds(150); seed++) {
    const random = new Random(seed)
    const model = new ApplyModel()
    let live: PlainObject | undefined
    const history: string[] = []
    for (let i = 0; i < WRITES; i++) {
      // k8s: what nobody holds anything of any more isn't kept track of.
      if (live && model.held.size === 0) break
      if (live && random.chance(0.3)) {
        const manager = random.pick(UPDATERS)
        const { metadata, ...thing } = live
        const next = { ...changed(random, thing as Thing), metadata: { ...metadata } } as PlainObject
        history.push(`${manager} updates to ${JSON.stringify({ ...next, metadata: undefined })}`)
        const managedFields = trackUpdate(TARGET, live, next, manager, '2026-01-01T00:00:00Z')
        live = { ...next, metadata: { name: 'x', ...(managedFields ? { managedFields } : {}) } }
        model.update(manager, tableOf(next as Thing))
      } else {
        const manager = random.pick(APPLIERS)
        const config = randomThing(random)
        const force = random.chance(0.5)
        history.push(`${manager} applies ${JSON.stringify(config)}${force ? ' with force' : ''}`)
        const expected = model.conflicts(manager, tableOf(config))
        const note = `seed ${seed}:\n${history.join('\n')}`
        if (!force && expected.length > 0) {
          const kept = cloneJson(live!)
          assert.throws(
            () => apply(live, config, manager, false),
            (err) => {
              assert.deepEqual(conflictsOf(err).sort(), expected, note)
              return true
            },
            note,
          )
          assert.deepEqual(live, kept, note)
          continue
        }
        try {
          live = apply(live, config, manager, force)
        } catch (err) {
          assert.deepEqual(conflictsOf(err), [], note)
          break
        }
        model.apply(manager, tableOf(config))
        assert.deepEqual(apply(live, config, manager, false), live, `again, ${note}`)
      }
      agree(live, model, `seed ${seed}:\n${history.join('\n')}`)
    }
  }
})

test('appliers that do not stand in one another’s way may come in any order', () => {
  for (let seed = SEED; seed < SEED + rounds(150); seed++) {
    const random = new Random(seed)
    const configs = APPLIERS.map((manager) => ({ manager, config: randomThing(random) }))
    const inOrder = (order: typeof configs) => {
      let live: PlainObject | undefined
      for (const { manager, config } of order) live = apply(live, config, manager, false)
      return live!
    }
    try {
      inOrder(configs)
    } catch {
      continue
    }
    const first = inOrder(configs)
    const second = inOrder(random.shuffled(configs))
    assert.deepEqual(sorted(tableOf(first as Thing)), sorted(tableOf(second as Thing)), `seed ${seed}`)
    assert.deepEqual([...fieldsOf(first)].sort(), [...fieldsOf(second)].sort(), `seed ${seed}`)
  }
})
