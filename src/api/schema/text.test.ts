import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalQuantity } from '../meta/quantity.ts'
import { JsonSyntaxError, MAX_DEPTH, parseJson } from './json-text.ts'
import { canonicalDuration, canonicalMicroTime, canonicalTime } from './time-format.ts'
import { parseYaml, YamlSyntaxError } from './yaml-text.ts'

test('quantities have one canonical text', () => {
  const cases: Record<string, string> = {
    '0': '0',
    '0Ki': '0',
    '100m': '100m',
    '1000m': '1',
    '0.5': '500m',
    '.5': '500m',
    '1.': '1',
    '1500m': '1500m',
    '1024Mi': '1Gi',
    '1.5Gi': '1536Mi',
    '1Ki': '1Ki',
    '512': '512',
    '0.5Ki': '512',
    '100.5Mi': '102912Ki',
    '1000': '1k',
    '1000000': '1M',
    '1e3': '1e3',
    '12E6': '12e6',
    '1E': '1E',
    '-5': '-5',
    '+5': '5',
    '0.0000000001': '1n',
    '1.0000000001': '1000000001n',
    '99999999999999999999': '9223372036854775807',
    '3000Ki': '3000Ki',
    '007': '7',
  }
  for (const [text, canonical] of Object.entries(cases)) assert.equal(canonicalQuantity(text), canonical, text)
  for (const canonical of Object.values(cases)) assert.equal(canonicalQuantity(canonical), canonical, canonical)
})

test('what is not a quantity is refused with the reason', () => {
  for (const text of ['', 'x', '1 Gi', '--1', '1.2.3', '.']) assert.throws(() => canonicalQuantity(text), Error, text)
  for (const text of ['1Kii', '1KB', '1mi']) {
    assert.throws(() => canonicalQuantity(text), /unable to parse quantity's suffix|must match/, text)
  }
})

test('times are brought to UTC seconds, micro times to six decimals', () => {
  assert.equal(canonicalTime('2026-01-02T03:04:05Z'), '2026-01-02T03:04:05Z')
  assert.equal(canonicalTime('2026-01-02T03:04:05.9-02:30'), '2026-01-02T05:34:05Z')
  assert.equal(canonicalMicroTime('2026-01-02T03:04:05.123Z'), '2026-01-02T03:04:05.123000Z')
  assert.equal(canonicalMicroTime('2026-01-02T03:04:05.123456Z'), '2026-01-02T03:04:05.123456Z')
  assert.throws(() => canonicalTime('2026-02-30T00:00:00Z'), /day out of range/)
  assert.throws(() => canonicalTime('2026-13-01T00:00:00Z'), /month out of range/)
  assert.throws(() => canonicalTime('2026-01-02'), /cannot parse "" as "T"/)
  assert.equal(canonicalDuration('1.5h'), '1h30m0s')
  assert.equal(canonicalDuration('90s'), '1m30s')
  assert.equal(canonicalDuration('1500us'), '1.5ms')
  assert.throws(() => canonicalDuration('5'), /missing unit/)
})

test('keys written twice are found with their path', () => {
  const text = '{"a":1,"b":{"x":[{"k":1,"k":2}],"s":"\\"a\\":1,"},"a" : 2}'
  assert.deepEqual(parseJson(text), {
    value: { a: 2, b: { x: [{ k: 2 }], s: '"a":1,' } },
    duplicates: ['b.x[0].k', 'a'],
  })
  assert.deepEqual(parseJson('{"a":{"a":{"a":":"}}}').duplicates, [])
})

test('syntax errors are said as the API says them', () => {
  const cases: Record<string, string> = {
    '': 'unexpected end of JSON input',
    '{': 'unexpected end of JSON input',
    '{"a"}': "invalid character '}' after object key",
    '{"a":1,}': "invalid character '}' looking for beginning of object key string",
    '{a:1}': "invalid character 'a' looking for beginning of object key string",
    '[1 2]': "invalid character '2' after array element",
    '{"a":1 "b"}': "invalid character '\"' after object key:value pair",
    'apiVersion: v1': "invalid character 'a' looking for beginning of value",
    nul: 'unexpected end of JSON input',
    tru3: "invalid character '3' in literal true (expecting 'e')",
    '{} x': "invalid character 'x' after top-level value",
    '"a\nb"': "invalid character '\\n' in string literal",
  }
  for (const [text, message] of Object.entries(cases)) assert.throws(() => parseJson(text), { message }, text)
})

test('nesting beyond the bound is refused in JSON and YAML', () => {
  const deep = '['.repeat(MAX_DEPTH + 1) + ']'.repeat(MAX_DEPTH + 1)
  assert.throws(() => parseJson(deep), JsonSyntaxError)
  assert.throws(() => parseYaml(deep), YamlSyntaxError)
  assert.throws(() => parseYaml('- '.repeat(5000)), YamlSyntaxError)
})

test('YAML is read as the JSON it stands for', () => {
  const text = `
apiVersion: v1
kind: ConfigMap
data: &d {a: "yes", b: 'null'}
flags: [yes, off, true, ~, 0755, 1.5, 2026-01-02]
more:
  <<: *d
  b: own
text: |
  one
  two
`
  assert.deepEqual(parseYaml(text), {
    value: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      data: { a: 'yes', b: 'null' },
      flags: [true, false, true, null, 493, 1.5, '2026-01-02'],
      more: { a: 'yes', b: 'own' },
      text: 'one\ntwo\n',
    },
    duplicates: [],
    duplicateLines: [],
  })
  assert.deepEqual(parseYaml('{a: [b, 1]}').value, { a: ['b', 1] })
  assert.deepEqual(parseYaml(' {"a": "b"}').value, { a: 'b' })
  assert.deepEqual(parseYaml('a: 1\nb:\n- x: 1\n  x: 2\na: 3').duplicates, ['b[0].x', 'a'])
})

test('broken YAML and unfolding bombs are refused', () => {
  assert.throws(() => parseYaml('a: [1\nb: 2'), YamlSyntaxError)
  const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]']
  for (let i = 1; i < 9; i++) bomb.push(`a${i}: &a${i} [${`*a${i - 1},`.repeat(10)}]`)
  assert.throws(() => parseYaml(bomb.join('\n')), /excessive aliasing/)
  assert.throws(() => parseYaml('a: &a [*a]'), YamlSyntaxError)
})
