// Strategic merge patches against a model that knows no lists, only tables: elements by name, members of sets. Order is looked at by itself.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cloneJson } from '../../src/api/schema/clone.ts'
import { applyStrategicPatch } from '../../src/apiserver/patch/strategic.ts'
import { Random, rounds, SEED } from './random.ts'
import { type Item, THING, type Thing } from './thing.ts'

type Json = Record<string, unknown>

const NAMES = ['m', 'n', 'o', 'p', 'q']
const VALUES = ['1', '2', '3']

function randomThing(random: Random): Thing {
  const some = (list: readonly string[]) => random.shuffled(list.filter(() => random.chance(0.5)))
  const mapOf = () => Object.fromEntries(some(NAMES).map((key) => [key, random.pick(VALUES)]))
  const item = (name: string): Item => ({ name, ...(random.chance(0.7) ? { value: random.pick(VALUES) } : {}) })
  return {
    ...(random.chance(0.6) ? { text: random.pick(VALUES) } : {}),
    ...(random.chance(0.6) ? { map: mapOf() } : {}),
    ...(random.chance(0.6) ? { set: some(NAMES) } : {}),
    ...(random.chance(0.6) ? { plain: some(VALUES) } : {}),
    ...(random.chance(0.6) ? { named: some(NAMES).map(item) } : {}),
  }
}

/** One change of one field: how it is written, and what it does. */
interface Step {
  readonly patch: Json
  readonly effect: (model: Model) => void
}

interface Model {
  text: string | undefined
  map: Map<string, string> | undefined
  set: Set<string> | undefined
  plain: string[] | undefined
  named: Map<string, Map<string, string>> | undefined
}

const fieldsOf = (item: Item) => new Map(Object.entries(item) as [string, string][])

const modelOf = (thing: Thing): Model => ({
  text: thing.text,
  map: thing.map && new Map(Object.entries(thing.map)),
  set: thing.set && new Set(thing.set),
  plain: thing.plain,
  named: thing.named && new Map(thing.named.map((item) => [item.name, fieldsOf(item)])),
})

function removals(field: 'text' | 'map' | 'set' | 'plain' | 'named'): Step {
  return {
    patch: { [field]: null },
    effect: (model) => {
      model[field] = undefined
    },
  }
}

function stepOfMap(random: Random, from: Thing): Step {
  const map = from.map ?? {}
  const gone = NAMES.filter((key) => !(key in map) && random.chance(0.4))
  const merge: Step = {
    patch: { map: { ...map, ...Object.fromEntries(gone.map((key) => [key, null])) } },
    effect(model) {
      model.map ??= new Map()
      for (const [key, value] of Object.entries(map)) model.map.set(key, value)
      for (const key of gone) model.map.delete(key)
    },
  }
  const replace: Step = {
    patch: { map: { $patch: 'replace', ...map } },
    effect(model) {
      // k8s: what is to replace something that isn't there does nothing.
      if (model.map) model.map = new Map(Object.entries(map))
    },
  }
  const retain: Step = {
    patch: { map: { $retainKeys: Object.keys(map), ...map } },
    effect(model) {
      model.map = new Map(Object.entries(map))
    },
  }
  return random.pick([merge, merge, replace, retain])
}

function stepOfSet(random: Random, from: Thing): Step {
  const set = from.set ?? []
  const gone = NAMES.filter((name) => !set.includes(name) && random.chance(0.4))
  return {
    patch: { set, ...(gone.length > 0 ? { '$deleteFromPrimitiveList/set': gone } : {}) },
    effect(model) {
      model.set = new Set([...(model.set ?? [])].filter((member) => !gone.includes(member)).concat(set))
    },
  }
}

function stepOfNamed(random: Random, from: Thing): Step {
  const named = from.named ?? []
  const gone = NAMES.filter((name) => !named.some((item) => item.name === name) && random.chance(0.3))
  const whole = random.chance(0.2)
  if (whole) {
    return {
      patch: { named: [...named, { $patch: 'replace' }] },
      effect(model) {
        model.named = new Map(named.map((item) => [item.name, fieldsOf(item)]))
      },
    }
  }
  // One element may lose its value, or become what is said and nothing else.
  const bare = named.filter(({ value }) => value === undefined && random.chance(0.3)).map(({ name }) => name)
  const patch = [
    ...named.map((item) => (bare.includes(item.name) ? { ...item, value: null } : item)),
    ...gone.map((name) => ({ name, $patch: 'delete' })),
  ]
  return {
    patch: { named: random.shuffled(patch) },
    effect(model) {
      model.named ??= new Map()
      for (const item of named) {
        const fields = model.named.get(item.name) ?? new Map<string, string>()
        for (const [key, value] of Object.entries(item)) fields.set(key, value)
        if (bare.includes(item.name)) fields.delete('value')
        model.named.set(item.name, fields)
      }
      for (const name of gone) model.named.delete(name)
    },
  }
}

function randomSteps(random: Random): Step[] {
  const from = randomThing(random)
  const steps: Step[] = []
  const { text, plain } = from
  if (text !== undefined) {
    steps.push({
      patch: { text },
      effect(model) {
        model.text = text
      },
    })
  }
  if (plain) {
    steps.push({
      patch: { plain },
      effect(model) {
        model.plain = plain
      },
    })
  }
  if (from.map) steps.push(stepOfMap(random, from))
  if (from.set) steps.push(stepOfSet(random, from))
  if (from.named) steps.push(stepOfNamed(random, from))
  const untouched = (['text', 'map', 'set', 'plain', 'named'] as const).filter((field) => from[field] === undefined)
  if (random.chance(0.3) && untouched.length > 0) steps.push(removals(random.pick(untouched)))
  return steps
}

test('a strategic merge patch does what its model does, leaves its inputs alone, and twice is once', () => {
  for (let seed = SEED; seed < SEED + rounds(400); seed++) {
    const random = new Random(seed)
    let live = randomThing(random)
    for (let i = 0; i < 5; i++) {
      const steps = randomSteps(random)
      const patch: Json = Object.assign({}, ...steps.map((step) => step.patch))
      const note = `seed ${seed}: ${JSON.stringify(live)} with ${JSON.stringify(patch)}`
      const expected = modelOf(cloneJson(live) as Thing)
      for (const { effect } of steps) effect(expected)
      const [before, given] = [cloneJson(live), cloneJson(patch)]
      const next = applyStrategicPatch(THING, live, patch) as Thing
      assert.deepEqual(live, before, note)
      assert.deepEqual(patch, given, note)
      assert.deepEqual(modelOf(next), expected, note)
      assert.deepEqual(modelOf(applyStrategicPatch(THING, next, patch) as Thing), expected, `twice, ${note}`)
      assert.equal(new Set(next.set).size, next.set?.length ?? 0, note)
      live = next
    }
  }
})

test('the order that a patch asks for is the order that it gets; otherwise what was there keeps its own', () => {
  for (let seed = SEED; seed < SEED + rounds(400); seed++) {
    const random = new Random(seed)
    const live = randomThing(random)
    const names = (live.named ?? []).map(({ name }) => name)
    const added = random.shuffled(NAMES.filter((name) => !names.includes(name) && random.chance(0.5)))
    const order = random.shuffled([...names, ...added])
    const patch = {
      named: order.filter((name) => added.includes(name)).map((name) => ({ name, value: 'new' })),
      '$setElementOrder/named': order.map((name) => ({ name })),
      '$setElementOrder/set': random.shuffled(live.set ?? []),
    }
    const ordered = applyStrategicPatch(THING, live, patch) as Thing
    const note = `seed ${seed}: ${JSON.stringify(live)} with ${JSON.stringify(patch)}`
    if (live.named || added.length > 0)
      assert.deepEqual(
        (ordered.named ?? []).map(({ name }) => name),
        order,
        note,
      )
    if (live.set) assert.deepEqual(ordered.set, patch['$setElementOrder/set'], note)
    const only = random.pick(NAMES)
    const merged = applyStrategicPatch(THING, live, { named: [{ name: only, value: 'x' }] }) as Thing
    const kept = merged.named!.map(({ name }) => name).filter((name) => name !== only)
    assert.deepEqual(
      kept,
      names.filter((name) => name !== only),
      `seed ${seed}`,
    )
  }
})
