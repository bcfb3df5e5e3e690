import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compilePattern, patternMatches } from './pattern.ts'

test('patterns match as in Go, in whichever of the two ways', () => {
  const cases: [string, string, boolean][] = [
    ['^\\d+$', '123', true],
    ['b', 'abc', true],
    ['^b', 'abc', false],
    ['^(?P<x>[[:alpha:]]+)$', 'abc', true],
    ['(?i)^ABC$', 'abc', true],
    ['^(a|b)*c$', 'ababc', true],
    ['^(a|b)*c$', 'ababx', false],
    ['^(\\d+|\\*)(\\s+(\\d+|\\*)){4}$', '* 1 22 * 3', true],
    ['\\Aab\\z', 'ab', true],
    ['^.{3}$', 'a\u{1f600}b', true],
  ]
  for (const [pattern, text, expected] of cases) assert.equal(patternMatches(pattern, text), expected, pattern)
  assert.throws(() => compilePattern('('))
  assert.throws(() => compilePattern('(?=a)'), 'looking ahead is not in Go')
})

test('no pattern takes long, whatever the text', () => {
  const began = process.threadCpuUsage().user
  for (const pattern of ['^(a+)+$', '^(a|a)*$', '^(a?){50}a{50}$', 'a*a*a*a*b', '^(.*)*x$', '(a*)*(a*)*b']) {
    assert.equal(patternMatches(pattern, `${'a'.repeat(400)}!`), false, pattern)
    assert.equal(patternMatches(pattern, `${'a'.repeat(20_000)}!`), false, pattern)
  }
  assert.ok(process.threadCpuUsage().user - began < 3_000_000)
})
