import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeQuery, encodeReply, replyLimit } from './message-writer.ts'
import { FLAG, parseQuery, parseResponse, type Query, RCODE, readName, rewritten, TYPE } from './wire.ts'

function wireName(name: string): Buffer {
  const labels = name === '' ? [] : name.split('.')
  return Buffer.concat([...labels.flatMap((l) => [Buffer.from([l.length]), Buffer.from(l)]), Buffer.from([0])])
}
const question = (name: string, type: number) => Buffer.concat([wireName(name), Buffer.from([0, type, 0, 1])])

function queryOf(name: string, type: number = TYPE.A, options = { edns: false, dnssecOk: false }): Query {
  const parsed = parseQuery(encodeQuery(0x1234, question(name, type), { checkingDisabled: false, ...options }))
  assert.ok(parsed.ok)
  return parsed.query
}

test('a query is read with its name in lower case, and echoed as it was spelled', () => {
  const query = queryOf('WeB.Blue.svc.cluster.local')
  assert.equal(query.question.name, 'web.blue.svc.cluster.local')
  const reply = encodeReply(
    query,
    {
      rcode: 0,
      authoritative: true,
      answers: [{ name: query.question.name, ttl: 5, data: { type: TYPE.A, address: '10.96.0.20' } }],
    },
    512,
  )
  assert.ok(reply.includes('\x03WeB\x04Blue'), 'the question keeps its spelling')
  assert.equal(reply.length, 12 + query.question.bytes.length + 16, 'the answer’s name is a pointer to it')
  const response = parseResponse(reply)!
  assert.equal(response.id, 0x1234)
  assert.equal(response.flags, FLAG.QR | FLAG.AA | FLAG.RD | FLAG.RA)
  assert.deepEqual(response.addresses, [
    { name: 'web.blue.svc.cluster.local', ttl: 5, data: { type: TYPE.A, address: '10.96.0.20' } },
  ])
})

test('every type of record survives writing and reading', () => {
  const query = queryOf('x.example', TYPE.ANY, { edns: true, dnssecOk: true })
  assert.equal(query.edns?.dnssecOk, true)
  const at = (ttl: number, data: object) => ({ name: 'x.example', ttl, data }) as never
  const reply = encodeReply(
    query,
    {
      rcode: RCODE.NOERROR,
      authoritative: false,
      answers: [
        at(30, { type: TYPE.CNAME, target: 'y.example' }),
        at(20, { type: TYPE.AAAA, address: 'fd00::1:0:2' }),
        at(40, { type: TYPE.SRV, priority: 1, weight: 2, port: 3, target: 'y.example' }),
        at(50, { type: TYPE.TXT, text: 'hello' }),
        at(50, { type: TYPE.PTR, target: 'z.y.example' }),
      ],
      authority: [at(9, { type: TYPE.SOA, primary: 'ns.example', mailbox: 'me.example', serial: 1, negativeTtl: 7 })],
    },
    1232,
  )
  const response = parseResponse(reply)!
  assert.deepEqual(response.addresses, [
    { name: 'x.example', ttl: 30, data: { type: TYPE.CNAME, target: 'y.example' } },
    { name: 'x.example', ttl: 20, data: { type: TYPE.AAAA, address: 'fd00:0:0:0:0:1:0:2' } },
  ])
  assert.deepEqual([response.answerTtl, response.negativeTtl, response.ttlOffsets.length], [20, 7, 6])
  const aged = rewritten(reply, 7, query.question.bytes, response.ttlOffsets, (ttl) => ttl - 5)
  assert.deepEqual([parseResponse(aged)?.answerTtl, parseResponse(aged)?.id], [15, 7])
})

test('what does not fit is left out and announced', () => {
  const query = queryOf('many.example')
  const answers = Array.from({ length: 100 }, (_, i) => ({
    name: 'many.example',
    ttl: 5,
    data: { type: TYPE.A, address: `10.0.0.${i}` },
  }))
  const small = encodeReply(query, { rcode: 0, authoritative: true, answers }, replyLimit(query, true))
  const response = parseResponse(small)!
  assert.ok(small.length <= 512 && response.flags & FLAG.TC)
  assert.equal(response.addresses.length, 30)
  const large = parseResponse(encodeReply(query, { rcode: 0, authoritative: true, answers }, replyLimit(query, false)))!
  assert.deepEqual([large.addresses.length, large.flags & FLAG.TC], [100, 0])
})

test('additional records that do not fit are no reason to ask again', () => {
  const query = queryOf('srv.example', TYPE.SRV)
  const additional = Array.from({ length: 60 }, (_, i) => ({
    name: `host-${i}.srv.example`,
    ttl: 5,
    data: { type: TYPE.A, address: '10.0.0.1' },
  }))
  const reply = encodeReply(query, { rcode: 0, authoritative: true, answers: [], additional }, 512)
  assert.equal(reply.readUInt16BE(2) & FLAG.TC, 0)
  const written = reply.readUInt16BE(10)
  assert.ok(written > 10 && written < 60)
  assert.equal(parseResponse(reply)?.ttlOffsets.length, written)
})

test('names are bounded: pointers only lead back, labels and names have their limits', () => {
  const bytes = (...parts: (string | number[])[]) => Buffer.concat(parts.map((p) => Buffer.from(p as never)))
  assert.deepEqual(readName(bytes([3], 'Foo', [1], 'a', [0]), 0), { text: 'foo.a', end: 7 })
  assert.deepEqual(readName(bytes([1], 'a', [0], [1], 'b', [0xc0, 0]), 3), { text: 'b.a', end: 7 })
  assert.equal(readName(bytes([0xc0, 0]), 0), undefined, 'to itself')
  assert.equal(readName(bytes([0xc0, 2], [0xc0, 0]), 0), undefined, 'forwards')
  assert.equal(readName(bytes([64], 'a'.repeat(64), [0]), 0), undefined, 'label of 64')
  assert.equal(readName(bytes([5], 'abc'), 0), undefined, 'cut off')
  assert.equal(readName(Buffer.concat([...Array(5).fill(bytes([63], 'a'.repeat(63))), Buffer.from([0])]), 0), undefined)
  assert.equal(readName(bytes([3], 'a.b', [0]), 0)?.text, 'a\\.b')
})

test('what is no proper query gets the answer that it deserves', () => {
  const good = encodeQuery(9, question('a', TYPE.A), { checkingDisabled: false, edns: false, dnssecOk: false })
  const changed = (change: (copy: Buffer) => void) => {
    const copy = Buffer.from(good)
    change(copy)
    const parsed = parseQuery(copy)
    return parsed.ok ? 'fine' : parsed.reply && parsed.reply.readUInt16BE(2) & 0xf
  }
  assert.equal(
    changed(() => {}),
    'fine',
  )
  assert.equal(
    changed((m) => m.writeUInt16BE(FLAG.QR, 2)),
    undefined,
    'a response is not answered',
  )
  assert.equal(
    changed((m) => m.writeUInt16BE(2 << 11, 2)),
    RCODE.NOTIMP,
  )
  assert.equal(
    changed((m) => m.writeUInt16BE(2, 4)),
    RCODE.FORMERR,
  )
  assert.equal(
    changed((m) => m.writeUInt16BE(1, 10)),
    RCODE.FORMERR,
  )
  assert.deepEqual(parseQuery(Buffer.alloc(11)), { ok: false, reply: undefined })
})

test('random and damaged messages never throw, and what is answered can be read', () => {
  let seed = 20260101
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed % below
  }
  const query = queryOf('web.blue.svc.cluster.local', TYPE.SRV, { edns: true, dnssecOk: false })
  const samples = [
    encodeQuery(1, question('web.blue', TYPE.A), { checkingDisabled: true, edns: true, dnssecOk: true }),
    encodeReply(
      query,
      {
        rcode: 0,
        authoritative: true,
        answers: [{ name: 'a.web.blue', ttl: 1, data: { type: TYPE.CNAME, target: 'b.web.blue' } }],
        authority: [
          { name: 'b', ttl: 1, data: { type: TYPE.SOA, primary: 'p.b', mailbox: 'm.b', serial: 1, negativeTtl: 1 } },
        ],
      },
      512,
    ),
  ]
  for (let i = 0; i < 60_000; i++) {
    let message: Buffer
    if (i % 3 === 0) message = Buffer.from(Array.from({ length: random(80) }, () => random(256)))
    else {
      message = Buffer.from(samples[i % 2]!)
      for (let n = random(4); n >= 0; n--) message[random(message.length)] = random(256)
      if (random(4) === 0) message = message.subarray(0, random(message.length))
    }
    parseResponse(message)
    const parsed = parseQuery(message)
    if (!parsed.ok) continue
    const { name } = parsed.query.question
    const answers = [{ name, ttl: 1, data: { type: TYPE.PTR, target: `x.${name}`.slice(0, 250) } }]
    const reply = encodeReply(parsed.query, { rcode: 0, authoritative: true, answers }, replyLimit(parsed.query, true))
    assert.ok(reply.length <= 1232)
    assert.ok(parseResponse(reply), `reply to ${message.toString('hex')} is unreadable`)
  }
})
