import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileJsonPath, JsonPathError } from './json-path.ts'

const object = {
  spec: { replicas: 2, 'a.b': 'dotted', ports: [{ port: 80, name: 'web' }, { port: 443 }] },
  status: {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Synced', status: 'False' },
    ],
  },
}
const CASES: readonly [string, unknown[]][] = [
  ['.spec.replicas', [2]],
  ['.spec.nope.deeper', []],
  ["['spec']['a.b']", ['dotted']],
  ['.spec.a\\.b', ['dotted']],
  ['.spec.ports[0].port', [80]],
  ['.spec.ports[-1].port', [443]],
  ['.spec.ports[*].port', [80, 443]],
  ['.spec.ports[0:1].port', [80]],
  ['.status.conditions[?(@.type=="Ready")].status', ['True']],
  ['.spec.ports[?(@.name)].port', [80]],
  ['.spec.ports[?(@.port > 100)].port', [443]],
  ['..port', [80, 443]],
  ['.__proto__.x', []],
]
for (const [path, found] of CASES) {
  test(`${path} finds ${JSON.stringify(found)}`, () => assert.deepEqual(compileJsonPath(path)(object), found))
}

test('what is no path is refused', () => {
  for (const path of ['.a[', '.a[x]', '.a[?(b)]']) assert.throws(() => compileJsonPath(path), JsonPathError)
})
