import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builtinKinds } from '../kinds/builtin.ts'
import type { Kind } from '../kinds/kind.ts'
import { decodeObject } from './decode.ts'
import { decodeProtobuf, encodeBuiltin, encodeProtobuf, encodeWatchFrame, openEnvelope } from './protobuf.ts'
import { ProtobufError, ProtobufReader, ProtobufWriter } from './protobuf-wire.ts'
import type { FieldSchema, Schema, StructSchema } from './schema.ts'
import { structFor } from './tables.ts'

const roundTrip = (schema: StructSchema, object: object) => {
  const value = decodeProtobuf(schema, openEnvelope(encodeProtobuf(schema, object)))
  return decodeObject(schema, value).object
}

/** An object with every field of its type, to a depth. */
function full(schema: StructSchema, depth: number, path: readonly StructSchema[] = []): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const field of schema.fields.values()) {
    if (field.number === 0) continue
    const value = sample(field, field.schema, depth, [...path, schema])
    if (value !== undefined) out[field.name] = value
  }
  return out
}
function sample(field: FieldSchema, schema: Schema, depth: number, path: readonly StructSchema[]): unknown {
  switch (schema.type) {
    case 'struct':
      if (path.includes(schema) || depth === 0) return {}
      return full(schema, depth - 1, path)
    case 'list':
      return [sample(field, schema.items, depth, path), sample(field, schema.items, depth, path)]
    case 'map':
      return { a: sample(field, schema.values, depth, path), 'b/c': sample(field, schema.values, depth, path) }
    case 'string':
      return `${field.name} ü`
    case 'bool':
      return true
    case 'int32':
      return -7
    case 'int64':
      return 2 ** 40
    case 'double':
      return 1.5
    case 'bytes':
      return 'AAEC'
    case 'Time':
      return '2026-01-02T03:04:05Z'
    case 'MicroTime':
      return '2026-01-02T03:04:05.000678Z'
    case 'Duration':
      return '1h30m0.5s'
    case 'Quantity':
      return '1500m'
    case 'IntOrString':
      return field.name.length % 2 ? 8080 : '25%'
    case 'RawExtension':
      return { any: ['thing', 1, null] }
    case 'JSON':
      return field.name === 'enum' || field.name === 'example' || field.name === 'default'
        ? { x: 1 }
        : { type: 'object' }
  }
}

test('every kind with every field survives the round trip', () => {
  for (const { schema, kind, apiVersion } of builtinKinds as unknown as readonly Kind[]) {
    const object = decodeObject(schema, { apiVersion, kind, ...full(schema, 7) }).object
    assert.deepEqual(roundTrip(schema, object), object, kind)
  }
})

test('the bytes are those that other implementations write', () => {
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { k: 'v' } }
  const hex = Buffer.from(encodeProtobuf(structFor('', 'v1', 'ConfigMap'), configMap)).toString('hex')
  // magic, TypeMeta{v1, ConfigMap}, raw{metadata{name}, data{k: v}}, encoding, type
  assert.equal(
    hex,
    '6b387300' + '0a0f0a027631' + '1209436f6e6669674d6170' + '120d' + '0a030a0161' + '12060a016b120176' + '1a002200',
  )
})

test('embedded structs are messages of their own', () => {
  const Pod = structFor('', 'v1', 'Pod')
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {},
    spec: { containers: [], volumes: [{ name: 'v', emptyDir: { medium: 'Memory' } }] },
  }
  assert.deepEqual(roundTrip(Pod, pod), pod)
  const raw = openEnvelope(encodeProtobuf(Pod, pod)).raw
  // spec(2){volumes(1){volumeSource(2){emptyDir(2){medium(1)}}, name(1)}}
  assert.ok(
    Buffer.from(raw)
      .toString('hex')
      .includes(`120a12080a06${Buffer.from('Memory').toString('hex')}`),
  )
})

test('the alternatives of JSON schemas find their way', () => {
  const Crd = structFor('apiextensions.k8s.io', 'v1', 'JSONSchemaProps')
  for (const schema of [
    { items: { type: 'string' } },
    { items: [{ type: 'string' }, { type: 'integer' }] },
    { additionalProperties: false },
    { additionalProperties: { type: 'string' } },
    { dependencies: { a: ['b', 'c'], d: { type: 'object' } } },
  ]) {
    assert.deepEqual(roundTrip(Crd, schema), schema)
  }
})

test('zero times, negative numbers and keys like __proto__ are kept', () => {
  const Pod = structFor('', 'v1', 'Pod')
  const pod = decodeObject(
    Pod,
    JSON.parse('{"metadata":{"labels":{"__proto__":"x"}},"spec":{"priority":-2147483648}}'),
  ).object
  assert.deepEqual(roundTrip(Pod, pod), pod)
})

test('unknown fields of every wire type are skipped', () => {
  const out = new ProtobufWriter()
  out.varint(900, 5)
  out.double(901, 1)
  out.string(902, 'x')
  out.message(1, () => out.string(1, 'name'))
  const value = decodeProtobuf(structFor('', 'v1', 'ConfigMap'), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    raw: out.finish(),
    contentType: '',
  })
  assert.deepEqual(value, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'name' } })
})

test('damaged messages are refused, never read beyond their end', () => {
  const schema = structFor('', 'v1', 'Pod')
  const good = encodeProtobuf(schema, { apiVersion: 'v1', kind: 'Pod', ...full(schema, 3) })
  assert.throws(() => openEnvelope(Buffer.from('{"kind":"Pod"}')), ProtobufError)
  let state = 12345
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return state % below
  }
  for (let round = 0; round < 500; round++) {
    const bad = Buffer.from(good.subarray(0, round % 3 === 0 ? random(good.length) : good.length))
    for (let flips = random(4); flips > 0 && bad.length > 4; flips--) bad[4 + random(bad.length - 4)] = random(256)
    try {
      decodeProtobuf(schema, openEnvelope(bad))
    } catch (err) {
      assert.ok(err instanceof ProtobufError, String(err))
    }
  }
})

test('a watch frame is a length and an event around the object', () => {
  const object = encodeProtobuf(structFor('', 'v1', 'ConfigMap'), { apiVersion: 'v1', kind: 'ConfigMap' })
  const frame = Buffer.from(encodeWatchFrame('ADDED', object))
  assert.equal(frame.readUInt32BE(0), frame.length - 4)
  const reader = new ProtobufReader(frame, 4)
  assert.ok(reader.next())
  assert.equal(reader.string(), 'ADDED')
  assert.ok(reader.next())
  const inside = reader.message()
  assert.ok(inside.next())
  assert.deepEqual(Buffer.from(inside.bytes()), Buffer.from(object))
})

test('lists and Status are encoded by their own names', () => {
  const list = {
    apiVersion: 'v1',
    kind: 'ConfigMapList',
    metadata: { resourceVersion: '5' },
    items: [{ metadata: { name: 'a' } }],
  }
  const opened = openEnvelope(encodeBuiltin(list))
  assert.deepEqual(decodeProtobuf(structFor('', 'v1', 'ConfigMapList'), opened), list)
  const status = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', code: 404 }
  assert.equal(openEnvelope(encodeBuiltin(status)).kind, 'Status')
  assert.throws(() => encodeBuiltin({ apiVersion: 'example.com/v1', kind: 'Widget' }))
})
