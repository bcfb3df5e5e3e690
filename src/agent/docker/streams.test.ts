import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { feed, frames } from './streams.ts'

function frame(type: number, text: string): Buffer {
  const head = Buffer.alloc(8)
  head[0] = type
  head.writeUInt32BE(Buffer.byteLength(text), 4)
  return Buffer.concat([head, Buffer.from(text)])
}
async function* cut(bytes: Buffer, sizes: () => number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const size = sizes()
    yield bytes.subarray(at, at + size)
    at += size
  }
}
async function read(chunks: AsyncIterable<Buffer>) {
  const all: [string, string][] = []
  for await (const { stream, bytes } of frames(chunks)) all.push([stream, bytes.toString()])
  return all
}

test('frames are the same however the bytes are cut (seeded)', async () => {
  let seed = 1
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return 1 + (seed % below)
  }
  const texts = Array.from({ length: 40 }, (_, i) => 'x'.repeat(i * 7))
  const bytes = Buffer.concat(texts.map((text, i) => frame(1 + (i % 2), text)))
  const expected = texts.map((text, i) => [i % 2 ? 'stderr' : 'stdout', text])
  for (let round = 0; round < 50; round++) assert.deepEqual(await read(cut(bytes, () => random(200))), expected)
})

test('bytes that are no frames are an error, not memory', async () => {
  await assert.rejects(read(cut(Buffer.from('this is not a multiplexed stream'), () => 5)), /not a multiplexed stream/)
})

test('feeding ends the sink, and stops when the sink is gone', async () => {
  const sink = new PassThrough()
  await feed(
    cut(Buffer.from('abcdef'), () => 2),
    sink,
  )
  assert.equal(String(sink.read()), 'abcdef')
  assert.ok(sink.writableEnded)
  const gone = new PassThrough()
  gone.destroy()
  await feed(
    cut(Buffer.from('abcdef'), () => 2),
    gone,
  )
})
