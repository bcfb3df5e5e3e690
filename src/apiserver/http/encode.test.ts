// A list in pieces is the list, with the size that was announced.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBody, listPieces, standardEncoders, takesGzip } from './encode.ts'

const head = { kind: 'ConfigMapList', apiVersion: 'v1', metadata: { resourceVersion: '7' } }
const itemsOf = (count: number, sizeBytes: number) =>
  Array.from({ length: count }, (_, i) => {
    const object = { metadata: { name: `map-${i}` }, data: { value: 'é'.repeat(sizeBytes / 2) } }
    return { object, json: Buffer.from(JSON.stringify(object)) }
  })

for (const [name, count, sizeBytes] of [
  ['an empty list', 0, 0],
  ['a list of one', 1, 10],
  ['a list of several pieces', 300, 1024],
  ['a list of items larger than a piece', 3, 200_000],
] as const) {
  test(`${name} in pieces has the announced size and the bytes of the whole`, async () => {
    const items = itemsOf(count, sizeBytes)
    const { sizeBytes: announced, pieces } = listPieces(head, items)
    const bytes = Buffer.concat([...pieces])
    assert.equal(bytes.length, announced)
    assert.deepEqual(JSON.parse(bytes.toString()), { ...head, items: items.map(({ object }) => object) })
    const whole = await encodeBody({ kind: 'list', head, items } as never, 'application/json', {})
    assert.deepEqual(bytes, Buffer.from(whole))
  })
}

test('a client takes gzip unless it says that it does not', () => {
  assert.equal(takesGzip('gzip, deflate'), true)
  assert.equal(takesGzip('gzip;q=0'), false)
  assert.equal(takesGzip(undefined), false)
})

test('YAML has its keys in order and quotes what older readers would take for something else', async () => {
  const value = {
    kind: 'ConfigMap',
    data: { b: 'yes', a: '2026-01-02T03:04:05Z', c: '0755', d: 'y', e: 'plain' },
    l: [{ x: 1 }],
  }
  const bytes = await standardEncoders['application/yaml']!(value)
  assert.equal(
    Buffer.from(bytes).toString(),
    'data:\n  a: "2026-01-02T03:04:05Z"\n  b: "yes"\n  c: "0755"\n  d: "y"\n  e: plain\nkind: ConfigMap\nl:\n- x: 1\n',
  )
})
