import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compilePattern, patternMatches } from './pattern.ts'

describe('a pattern', () => {
  it('is one of Go: its flags, names, classes and anchors', () => {
    for (const [pattern, yes, no] of [
      ['^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', 'my-name', '-name'],
      ['(?i)^yes$', 'YES', 'no'],
      ['^(?P<year>\\d{4})-\\d\\d$', '2026-11', '26-11'],
      ['^[[:alpha:]]+$', 'abc', 'ab1'],
      ['\\Aab\\z', 'ab', 'abc'],
      ['^\\pL+$', 'été', 'a1'],
      ['b', 'abc', 'acc'],
    ]) {
      assert.equal(patternMatches(pattern!, yes!), true, `${pattern} ${yes}`)
      assert.equal(patternMatches(pattern!, no!), false, `${pattern} ${no}`)
    }
  })

  it('has no look-ahead and no back references', () => {
    for (const pattern of ['(?=a)b', '(a)\\1', '[', '*']) {
      assert.throws(() => compilePattern(pattern), /^CelError: error parsing regexp: |error parsing regexp/)
      assert.equal(patternMatches(pattern, 'anything'), true)
    }
  })

  it('takes bounded time, however it is made', () => {
    const started = process.hrtime.bigint()
    assert.equal(patternMatches('^(a+)+$', `${'a'.repeat(20_000)}!`), false)
    assert.equal(patternMatches('^(a|a)*(a|aa)*$', `${'a'.repeat(20_000)}!`), false)
    assert.ok(process.hrtime.bigint() - started < 5_000_000_000n)
  })
})
