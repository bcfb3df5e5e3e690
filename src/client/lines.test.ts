import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readLines } from './lines.ts'

async function* chunks(...parts: (string | Uint8Array)[]) {
  for (const part of parts) yield typeof part === 'string' ? new TextEncoder().encode(part) : part
}
const all = async (source: AsyncIterable<Uint8Array>, max = 100) => {
  const lines: string[] = []
  for await (const line of readLines(source, max)) lines.push(line)
  return lines
}

test('lines come out whole wherever the chunks are cut, multi-byte characters included', async () => {
  const bytes = new TextEncoder().encode('{"a":"ä"}\n{"b":"€"}\n')
  for (let cut = 0; cut <= bytes.length; cut++) {
    assert.deepEqual(await all(chunks(bytes.subarray(0, cut), bytes.subarray(cut))), ['{"a":"ä"}', '{"b":"€"}'])
  }
  assert.deepEqual(await all(chunks(...[...bytes].map((b) => Uint8Array.of(b)))), ['{"a":"ä"}', '{"b":"€"}'])
})

test('a last line without a line feed counts, empty lines do not', async () => {
  assert.deepEqual(await all(chunks('a\n\nb')), ['a', 'b'])
})

test('a line past the bound is refused, also when its end never comes', async () => {
  await assert.rejects(all(chunks('x'.repeat(60), 'x'.repeat(60))), /longer than 100 bytes/)
  await assert.rejects(all(chunks(`${'x'.repeat(101)}\n`)), /longer than 100 bytes/)
})
