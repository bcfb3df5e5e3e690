import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StatusError } from '../meta/errors.ts'
import { decodeBody } from './body.ts'
import { encodeBuiltin } from './protobuf.ts'
import { structFor } from './tables.ts'

const Deployment = { group: 'apps', version: 'v1', kind: 'Deployment', schema: structFor('apps', 'v1', 'Deployment') }
const bytes = (text: string) => new TextEncoder().encode(text)
const refused = (body: string, type: string | undefined, code: number, message: string) =>
  assert.throws(
    () => decodeBody(Deployment, bytes(body), type, 'Strict'),
    (err) => {
      assert.ok(err instanceof StatusError)
      assert.equal(err.message, message)
      assert.equal(err.code, code)
      return true
    },
  )

const odd = '{"apiVersion":"apps/v1","kind":"Deployment","spec":{"replica":1,"paused":true,"paused":true}}'

test('strict decoding refuses unknown and duplicate fields', () => {
  refused(
    odd,
    'application/json',
    400,
    'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replica", duplicate field "spec.paused"',
  )
})

test('warn names them, ignore is silent', () => {
  const warned = decodeBody(Deployment, bytes(odd), 'application/json; charset=utf-8', 'Warn')
  assert.deepEqual(warned.warnings, ['unknown field "spec.replica"', 'duplicate field "spec.paused"'])
  assert.deepEqual(decodeBody(Deployment, bytes(odd), undefined, 'Ignore').warnings, [])
})

test('a mistyped field is a bad request in every mode', () => {
  refused(
    '{"spec":{"replicas":"3"}}',
    undefined,
    400,
    'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
  )
})

test('apiVersion and kind are filled in when missing and refused when wrong', () => {
  const { object } = decodeBody(Deployment, bytes('{"metadata":{"name":"web"}}'), undefined, 'Strict')
  assert.equal(object['apiVersion'], 'apps/v1')
  assert.equal(object['kind'], 'Deployment')
  refused(
    '{"apiVersion":"apps/v1beta1","kind":"Deployment"}',
    undefined,
    400,
    'the API version in the data (apps/v1beta1) does not match the expected API version (apps/v1)',
  )
  refused(
    '{"apiVersion":"v1","kind":"Pod"}',
    undefined,
    400,
    'Pod in version "v1" cannot be handled as a Deployment: converting (v1.Pod) to (apps.Deployment): unknown conversion',
  )
})

test('a kind that nobody knows is refused with the place where it was looked for', () => {
  refused(
    '{"apiVersion":"apps/v1","kind":"Pod"}',
    undefined,
    400,
    'Pod in version "v1" cannot be handled as a Deployment: no kind "Pod" is registered for version "apps/v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
  )
  refused(
    '{"apiVersion":"a/b/c"}',
    undefined,
    400,
    'the object provided is unrecognized (must be of type Deployment): unexpected GroupVersion string: a/b/c ({"apiVersion":"a/b/c"})',
  )
})

test('keys written twice in YAML are told by line', () => {
  const yaml = 'metadata: {name: web}\nspec:\n  paused: true\n  paused: false\n  pause: true\n'
  const { warnings } = decodeBody(Deployment, bytes(yaml), 'application/yaml', 'Warn')
  assert.deepEqual(warnings, ['line 4: key "paused" already set in map', 'unknown field "spec.pause"'])
  assert.throws(() => decodeBody(Deployment, bytes(yaml), 'application/yaml', 'Strict'), {
    message:
      'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ' +
      'yaml: unmarshal errors:\n  line 4: key "paused" already set in map, unknown field "spec.pause"',
  })
})

test('text that is no object and media types that nobody knows are refused', () => {
  refused(
    'hello',
    'application/json',
    400,
    "the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse error: invalid character 'h' looking for beginning of value (68656c6c6f)",
  )
  assert.throws(() => decodeBody(Deployment, bytes('[]'), undefined, 'Strict'), /cannot unmarshal array/)
  assert.throws(
    () => decodeBody(Deployment, bytes('<a/>'), 'text/xml', 'Strict'),
    (err) => err instanceof StatusError && err.code === 415,
  )
  assert.throws(() => decodeBody(Deployment, undefined, undefined, 'Strict'), /unexpected end of JSON input/)
})

test('a YAML body is decoded like a JSON one', () => {
  const yaml = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n'
  const { object } = decodeBody(Deployment, bytes(yaml), 'application/yaml', 'Strict')
  assert.equal((object['spec'] as { replicas: number }).replicas, 2)
})

test('a protobuf body is decoded like a JSON one', () => {
  const type = 'application/vnd.kubernetes.protobuf'
  const sent = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 2 } }
  const { object } = decodeBody(Deployment, encodeBuiltin(sent), type, 'Strict')
  assert.equal((object['spec'] as { replicas: number }).replicas, 2)
  assert.deepEqual(object['metadata'], { name: 'web' })
  const pod = encodeBuiltin({ apiVersion: 'v1', kind: 'Pod', metadata: {} })
  assert.throws(
    () => decodeBody(Deployment, pod, type, 'Strict'),
    /^StatusError: Pod in version "v1" cannot be handled as a Deployment: converting \(v1.Pod\)/,
  )
  assert.throws(() => decodeBody(Deployment, bytes('{}'), type, 'Strict'), { code: 400 })
})
