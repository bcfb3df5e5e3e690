import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatFamily, labelText } from './metrics-text.ts'

test('label values are escaped', () => {
  assert.equal(labelText({}), '')
  assert.equal(labelText({ a: 'x', b: 'say "hi"\\\n' }), '{a="x",b="say \\"hi\\"\\\\\\n"}')
})

test('a family is its help, its type and its samples, and nothing without samples', () => {
  const family = { name: 'x_total', type: 'counter', help: 'Things.' } as const
  assert.equal(formatFamily(family, ['x_total 1']), '# HELP x_total Things.\n# TYPE x_total counter\nx_total 1\n')
  assert.equal(formatFamily(family, []), '')
})
