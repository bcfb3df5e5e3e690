import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as names from './names.ts'

test('a subdomain with upper case is refused in the standard words', () => {
  assert.deepEqual(names.dnsSubdomain('Web'), [
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  ])
  assert.deepEqual(names.dnsSubdomain('a.b-c.d'), [])
})

test('a label with dots is told that dots are the problem', () => {
  assert.deepEqual(names.dnsLabel('a.b'), ['must not contain dots'])
  assert.match(names.dnsLabel('A_b')[0]!, /^a lowercase RFC 1123 label .*'my-name', {2}or '123-abc', regex/)
  assert.deepEqual(names.dnsLabel('a'.repeat(64)), ['must be no more than 63 bytes'])
})

test('qualified names have an optional prefix and at most one slash', () => {
  assert.deepEqual(names.qualifiedName('example.com/My.Name'), [])
  assert.match(names.qualifiedName('a/b/c')[0]!, /with an optional DNS subdomain prefix and '\/'/)
  assert.match(names.qualifiedName('/x')[0]!, /^prefix part must be non-empty/)
  assert.match(names.qualifiedName('')[0]!, /^name part must be non-empty/)
})

test('port names, header names, keys and variables follow their own rules', () => {
  assert.deepEqual(names.portName('http'), [])
  assert.deepEqual(names.portName('80'), ['must contain at least one letter (a-z)'])
  assert.deepEqual(names.portName('a--b'), ['must not contain consecutive hyphens'])
  assert.deepEqual(names.portName('averylongportname'), ['must be no more than 15 characters'])
  assert.deepEqual(names.envVarName('my var.1'), [])
  assert.equal(names.envVarName('a=b').length, 1)
  assert.deepEqual(names.configMapKey('..'), ["must not be '..'"])
  assert.equal(names.configMapKey('a/b').length, 1)
  assert.equal(names.httpHeaderName('X Y').length, 1)
  assert.deepEqual(names.pathSegment('a/b%'), ["may not contain '/'", "may not contain '%'"])
  assert.deepEqual(names.percent('25%'), [])
})

test('a generated name may end its prefix with a dash', () => {
  assert.deepEqual(names.asPrefix(names.dnsSubdomain)('web-'), [])
  assert.equal(names.asPrefix(names.dnsSubdomain)('Web-').length, 1)
})
