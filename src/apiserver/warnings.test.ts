import assert from 'node:assert/strict'
import { test } from 'node:test'
import { warningHeader } from './warnings.ts'

test('a warning is sent once, quoted, in bytes; one with control characters not at all', () => {
  assert.equal(warningHeader([]), undefined)
  assert.equal(warningHeader(['say "no" \\', 'say "no" \\']), '299 - "say \\"no\\" \\\\"')
  assert.equal(Buffer.from(warningHeader(['für'])!, 'latin1').toString(), '299 - "für"')
  assert.equal(warningHeader(['a\nb']), undefined)
})

test('too many warnings are cut short, and then left out', () => {
  const long = Array.from({ length: 40 }, (_, i) => `${i} `.padEnd(1000, 'x'))
  const sent = warningHeader(long)!.split(', ')
  assert.equal(sent.length, 16)
  assert.ok(sent.every((text) => text.length === '299 - ""'.length + 256))
})
