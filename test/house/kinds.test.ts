// Every kind has fixtures in test/fixtures/kinds/<its file>.yaml, and they hold: valid objects decode without loss, default twice as once,
// pass validation, print every column and survive JSON and YAML; invalid ones name the field that is wrong. A kind without
// fixtures fails.
//
// A fixture file: `valid` (objects by name), `columns` (expected cells by name of the object), `invalid` and `updates` (lists of
// `change`s, JSON pointers into the first valid object or the one named `of`, with the `field` and perhaps the `message` that must be
// reported; null removes).
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, test } from 'node:test'
import { parse, stringify } from 'yaml'
import { builtinKinds } from '../../src/api/kinds/builtin.ts'
import type { Kind } from '../../src/api/kinds/kind.ts'
import type { FieldError } from '../../src/api/meta/errors.ts'
import type { KubeObject } from '../../src/api/meta/object.ts'
import { validateObjectMeta } from '../../src/api/meta/object-meta.ts'
import { decodeObject } from '../../src/api/schema/decode.ts'
import { applyDefaults } from '../../src/api/schema/defaults.ts'

interface Change {
  of?: string
  change: Record<string, unknown>
  field: string
  message?: string
}
interface Fixtures {
  valid: Record<string, Record<string, unknown>>
  columns?: Record<string, Record<string, unknown>>
  invalid?: Change[]
  updates?: Change[]
  allowedUpdates?: { of?: string; change: Record<string, unknown> }[]
}

const FOLDER = new URL('../fixtures/kinds/', import.meta.url)
const SOURCES = new URL('../../src/api/kinds/', import.meta.url)
/** The time at which columns are printed: fixtures are created at most a day before. */
const NOW_MS = Date.UTC(2026, 0, 2)
const CREATED = '2026-01-01T00:00:00Z'

const kinds = builtinKinds as unknown as Kind<KubeObject>[]
const defined = new Map<string, Kind<KubeObject>>()
for (const file of readdirSync(SOURCES)) {
  if (file === 'kind.ts' || !file.endsWith('.ts') || file.endsWith('.test.ts')) continue
  const module = (await import(new URL(file, SOURCES).href)) as Record<string, unknown>
  for (const value of Object.values(module)) {
    if (kinds.includes(value as never)) defined.set(basename(file, '.ts'), value as Kind<KubeObject>)
  }
}

/** The object as the server has it once it is created: decoded, identified, defaulted and prepared. */
/** What a kind says about updates, in whichever of the two ways it says it. */
const changeErrors = (kind: Kind) => kind.validateChange ?? kind.validateUpdate

function created(kind: Kind<KubeObject>, fixture: Record<string, unknown>): KubeObject {
  const obj = defaulted(kind, fixture)
  kind.prepareForCreate?.(obj)
  return obj
}

function defaulted(kind: Kind<KubeObject>, fixture: Record<string, unknown>): KubeObject {
  const { object, unknown } = decodeObject(kind.schema, { apiVersion: kind.apiVersion, kind: kind.kind, ...fixture })
  assert.deepEqual(unknown, [], 'a fixture names a field that the type does not have')
  const obj = object as unknown as KubeObject
  obj.metadata ??= {} as KubeObject['metadata']
  if (kind.scope === 'Namespaced') obj.metadata.namespace ||= 'default'
  obj.metadata.uid ||= '11111111-2222-3333-4444-555555555555'
  obj.metadata.creationTimestamp ||= CREATED
  applyDefaults(kind.schema, obj)
  kind.default?.(obj)
  return obj
}

function problems(kind: Kind<KubeObject>, obj: KubeObject): FieldError[] {
  const namespaced = kind.scope === 'Namespaced'
  const reviews = kind.verbs.length === 1 && kind.verbs[0] === 'create'
  const meta = reviews ? [] : validateObjectMeta(obj.metadata, { namespaced, validateName: kind.validateName })
  return [...meta, ...(kind.validate?.(obj) ?? [])]
}

/** `value` with what the JSON pointers name set, or removed where null is given. */
function changed<T extends object>(value: T, changes: Record<string, unknown>): T {
  const copy = structuredClone(value)
  for (const [pointer, to] of Object.entries(changes)) {
    const keys = pointer
      .split('/')
      .slice(1)
      .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    const last = keys.pop()!
    let at = copy as Record<string, unknown>
    for (const [i, key] of keys.entries()) {
      const next = keys[i + 1] ?? last
      at[key] ??= /^\d+$/.test(next) ? [] : {}
      at = at[key] as Record<string, unknown>
    }
    if (to !== null) at[last] = to
    else if (Array.isArray(at)) at.splice(Number(last), 1)
    else delete at[last]
  }
  return copy
}

const lines = (errors: FieldError[]) => errors.map((e) => `${e.field}: ${e.message}`).join('\n') || 'no error'

function assertNames(errors: FieldError[], { change, field, message }: Change): void {
  const found = errors.filter((e) => e.field === field)
  assert.ok(found.length > 0, `${JSON.stringify(change)} should name ${field}, but: ${lines(errors)}`)
  if (message !== undefined) {
    assert.ok(
      found.some((e) => e.message === message || e.message.startsWith(`${message}\n`)),
      `${JSON.stringify(change)} should say "${message}", but: ${lines(found)}`,
    )
  }
}

test('every kind is one file and has fixtures', () => {
  assert.equal(defined.size, kinds.length, 'every built-in kind is exported by a file of its own')
  const files = readdirSync(FOLDER).map((file) => basename(file, '.yaml'))
  assert.deepEqual(files.sort(), [...defined.keys()].sort())
})

for (const [file, kind] of defined) {
  describe(`kind ${file}`, () => {
    const fixtures = parse(readFileSync(new URL(`${file}.yaml`, FOLDER), 'utf8')) as Fixtures
    const names = Object.keys(fixtures.valid)
    const base = (of: string | undefined) => fixtures.valid[of ?? names[0]!]!

    test('describes itself, and its scale paths where it can be scaled', () => {
      assert.ok(kind.description, 'kubectl explain needs a description')
      assert.equal(kind.subresources.includes('scale'), kind.scale !== undefined)
      assert.ok(names.length > 0, 'at least one valid object')
      if (kind.validate) assert.ok(fixtures.invalid?.length, 'at least one invalid object')
      if (changeErrors(kind)) assert.ok(fixtures.updates?.length, 'at least one forbidden update')
    })

    for (const name of names) {
      test(`${name} is valid and stays the same through defaulting, decoding, JSON and YAML`, () => {
        const once = created(kind, base(name))
        assert.equal(lines(problems(kind, once)), 'no error')
        const twice = structuredClone(once)
        applyDefaults(kind.schema, twice)
        kind.default?.(twice)
        assert.deepEqual(twice, once, 'defaulting twice equals once')
        assert.deepEqual(JSON.parse(JSON.stringify(once)), once)
        assert.deepEqual(parse(stringify(once)), once)
        const again = decodeObject(kind.schema, once)
        assert.deepEqual(again.unknown, [], 'defaults name only fields that the type has')
        const changes = changeErrors(kind)
        if (changes) assert.equal(lines(changes(structuredClone(once), once)), 'no error', 'no change is no problem')
        if (kind.storedAs) {
          const back = kind.storedAs.fromStored(kind.storedAs.toStored(structuredClone(once)))
          assert.deepEqual(back, once, 'nothing is lost in the stored form')
        }
      })

      test(`every column of ${name} renders`, () => {
        // as it was sent: with its status
        const obj = defaulted(kind, base(name))
        const wanted = { ...fixtures.columns?.[name] }
        for (const column of kind.columns ?? []) {
          const cell = column.value(obj, NOW_MS)
          assert.ok(['string', 'number', 'boolean'].includes(typeof cell), `${column.name} is ${JSON.stringify(cell)}`)
          assert.notEqual(column.description, '', `${column.name} has a description`)
          if (column.name in wanted) assert.deepEqual(cell, wanted[column.name], column.name)
          delete wanted[column.name]
        }
        assert.deepEqual(wanted, {}, 'the fixture names a column that does not exist')
        for (const [field, read] of Object.entries(kind.selectableFields ?? {})) {
          assert.equal(typeof read(obj), 'string', `selectable field ${field}`)
        }
      })
    }

    for (const item of fixtures.invalid ?? []) {
      test(`refuses ${JSON.stringify(item.change)}`, () => {
        assertNames(problems(kind, created(kind, changed(base(item.of), item.change))), item)
      })
    }
    for (const item of fixtures.updates ?? []) {
      test(`refuses the update ${JSON.stringify(item.change)}`, () => {
        const old = created(kind, base(item.of))
        assertNames(changeErrors(kind)?.(changed(old, item.change), old) ?? [], item)
      })
    }
    for (const { of, change } of fixtures.allowedUpdates ?? []) {
      test(`allows the update ${JSON.stringify(change)}`, () => {
        const old = created(kind, base(of))
        assert.equal(lines(changeErrors(kind)?.(changed(old, change), old) ?? []), 'no error')
      })
    }
  })
}
