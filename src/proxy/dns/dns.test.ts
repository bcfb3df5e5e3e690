import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { createConnection } from 'node:net'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { type Clock, FakeClock, systemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/log.ts'
import { DnsCounters } from './counters.ts'
import { runDns } from './dns.ts'
import { encodeQuery, encodeReply, replyLimit } from './message-writer.ts'
import { type Endpoint, listen } from './server.ts'
import { HeldCache, makeNamespace, makeService, makeSlice } from './test-services.ts'
import { framed, type Upstream } from './upstream.ts'
import { type DnsRecord, FLAG, parseQuery, parseResponse, RCODE, type Response, TYPE } from './wire.ts'

const LOCAL = '127.0.0.1'

/** A nameserver of the world outside: a few names, counted questions. */
async function startUpstream(t: TestContext) {
  const asked: string[] = []
  const answersTo: Record<string, DnsRecord['data'][]> = {
    'example.com': [{ type: TYPE.A, address: '192.0.2.80' }],
    'www.example.com': [
      { type: TYPE.CNAME, target: 'example.com' },
      { type: TYPE.A, address: '192.0.2.80' },
    ],
    'large.example.com': Array.from({ length: 200 }, (_, i) => ({ type: TYPE.A, address: `192.0.2.${i}` })),
  }
  const mode = { rcode: RCODE.NOERROR as number, delayMs: 0 }
  const server = await listen([{ address: LOCAL, port: 0 }], (message, overUdp) => {
    const parsed = parseQuery(message)
    if (!parsed.ok) return parsed.reply
    const { query } = parsed
    const { name } = query.question
    asked.push(`${overUdp ? 'udp' : 'tcp'} ${name}`)
    const data = answersTo[name]
    const soa = { type: TYPE.SOA, primary: 'ns.example.com', mailbox: 'me.example.com', serial: 1, negativeTtl: 60 }
    const reply = encodeReply(
      query,
      {
        rcode: mode.rcode || (data ? RCODE.NOERROR : RCODE.NXDOMAIN),
        authoritative: true,
        answers: mode.rcode ? [] : (data ?? []).map((d) => ({ name, ttl: 300, data: d })),
        authority: data ? [] : [{ name: 'example.com', ttl: 60, data: soa }],
      },
      replyLimit(query, overUdp),
    )
    return mode.delayMs === 0 ? reply : new Promise((resolve) => setTimeout(() => resolve(reply), mode.delayMs))
  })
  let open = true
  const stop = async () => {
    if (open) await server.close()
    open = false
  }
  t.after(stop)
  return { asked, mode, stop, at: server.bound[0]! }
}

interface Setup {
  upstreams?: (bound: readonly Endpoint[]) => readonly Upstream[]
  clock?: Clock
}

async function startDns(t: TestContext, { upstreams = () => [], clock = systemClock }: Setup = {}) {
  const cache = new HeldCache()
  cache.put(
    makeNamespace('blue'),
    makeService('web', { clusterIP: '10.96.0.20', ports: [{ name: 'http', port: 80 }] }),
    makeService('db', { clusterIP: 'None', ports: [{ name: 'pg', port: 5432 }] }),
    makeSlice(
      'db',
      Array.from({ length: 100 }, (_, i) => ({ addresses: [`10.244.0.${i}`], hostname: `db-${i}` })),
    ),
    makeService('outside', { type: 'ExternalName', externalName: 'www.example.com' }),
  )
  const stop = new AbortController()
  const counters = new DnsCounters()
  let bound: readonly Endpoint[] = []
  const started = Promise.withResolvers<Endpoint>()
  const running = runDns(
    { signal: stop.signal, log: silentLogger },
    {
      cache,
      listen: [{ address: LOCAL, port: 0 }],
      upstreams: () => upstreams(bound),
      clusterDomain: 'cluster.local',
      serviceCIDR: '10.96.0.0/12',
      clock,
      counters,
      onListening: (endpoints) => {
        bound = endpoints
        started.resolve(endpoints[0]!)
      },
    },
  )
  t.after(async () => {
    stop.abort()
    await running
  })
  return { at: await started.promise, cache, counters, stop, running }
}

function wireQuestion(name: string, type: number): Buffer {
  const labels = name.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)])
  return Buffer.concat([...labels, Buffer.from([0, 0, type, 0, 1])])
}

/** Asks over UDP and reads the answer. */
function ask({ address, port }: Endpoint, name: string, type: number = TYPE.A, edns = true): Promise<Response> {
  const socket = createSocket('udp4')
  return new Promise<Response>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('message', (message) => resolve(parseResponse(message)!))
    const options = { checkingDisabled: false, edns, dnssecOk: false }
    socket.send(encodeQuery(4711, wireQuestion(name, type), options), port, address)
  }).finally(() => socket.close())
}
const addresses = (response: Response) =>
  response.addresses.map(({ data }) => ('address' in data ? data.address : 'target' in data ? data.target : ''))

const run = promisify(execFile)
const dig = async ({ address, port }: Endpoint, ...args: string[]) => {
  const { stdout } = await run('dig', [`@${address}`, '-p', String(port), '+time=2', '+tries=1', ...args])
  return stdout
}
const hasDig = await run('dig', ['-v']).then(
  () => true,
  () => false,
)

test('dig is answered as by any DNS server', { skip: !hasDig && 'dig is not installed' }, async (t) => {
  const upstream = await startUpstream(t)
  const { at } = await startDns(t, { upstreams: () => [upstream.at] })
  assert.equal(await dig(at, '+short', 'web.blue.svc.cluster.local'), '10.96.0.20\n')
  assert.equal(await dig(at, '+short', '-x', '10.96.0.20'), 'web.blue.svc.cluster.local.\n')
  assert.equal(
    await dig(at, '+short', '_http._tcp.web.blue.svc.cluster.local', 'SRV'),
    '0 100 80 web.blue.svc.cluster.local.\n',
  )
  assert.equal(await dig(at, '+short', 'dns-version.cluster.local', 'TXT'), '"1.1.0"\n')
  assert.equal(await dig(at, '+short', '+tcp', 'db-7.db.blue.svc.cluster.local'), '10.244.0.7\n')
  assert.equal(
    await dig(at, '+short', 'outside.blue.svc.cluster.local'),
    'www.example.com.\nexample.com.\n192.0.2.80\n',
  )
  assert.match(await dig(at, '+edns=1', '+noednsneg', 'web.blue.svc.cluster.local'), /status: BADVERS/)
  assert.match(await dig(at, 'version.bind', 'TXT', 'CH'), /status: REFUSED/)
  const absent = await dig(at, 'WeB.red.svc.cluster.local', 'AAAA')
  assert.match(absent, /status: NXDOMAIN/)
  assert.match(absent, /flags: qr aa rd ra; QUERY: 1, ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 1/)
  assert.match(absent, /;WeB\.red\.svc\.cluster\.local\.\s+IN\s+AAAA/)
  assert.match(
    absent,
    /cluster\.local\.\s+5\s+IN\s+SOA\s+ns\.dns\.cluster\.local\. hostmaster\.cluster\.local\. 1 7200 1800 86400 5/,
  )
  // 100 addresses don't fit into a datagram: dig comes back over TCP by itself
  const many = await dig(at, 'db.blue.svc.cluster.local')
  assert.match(many, /Truncated, retrying in TCP mode[\s\S]*ANSWER: 100,/)
  assert.doesNotMatch(many, /malformed|mismatch|extra bytes/i)
})

test('other names are asked of the upstream once, and remembered with what is left of their time', async (t) => {
  const clock = new FakeClock()
  const upstream = await startUpstream(t)
  const { at, counters } = await startDns(t, { upstreams: () => [upstream.at], clock })
  assert.deepEqual(addresses(await ask(at, 'example.com')), ['192.0.2.80'])
  await clock.advance(100_000)
  const second = await ask(at, 'EXAMPLE.com')
  assert.deepEqual([addresses(second), second.answerTtl], [['192.0.2.80'], 200])
  assert.ok(second.question.bytes.includes('EXAMPLE'))
  assert.equal((await ask(at, 'absent.example.com')).rcode, RCODE.NXDOMAIN)
  assert.equal((await ask(at, 'absent.example.com')).rcode, RCODE.NXDOMAIN)
  assert.deepEqual(upstream.asked, ['udp example.com', 'udp absent.example.com'])
  await clock.advance(61_000)
  await ask(at, 'absent.example.com')
  assert.equal(upstream.asked.length, 3, 'absence is remembered for as long as the SOA says')
  assert.deepEqual([counters.total('cacheHits'), counters.total('cacheMisses')], [2, 3])
  assert.match(counters.text(), /coredns_dns_requests_total\{zone="\.",proto="udp",type="A"\} 5/)
})

test('the same question asked many times at once goes out once', async (t) => {
  const upstream = await startUpstream(t)
  upstream.mode.delayMs = 50
  const { at } = await startDns(t, { upstreams: () => [upstream.at] })
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(at, 'example.com')))
  assert.ok(answers.every((a) => addresses(a)[0] === '192.0.2.80'))
  assert.deepEqual(upstream.asked, ['udp example.com'])
})

test('an answer too large for a datagram is fetched over TCP, and the client told to do so too', async (t) => {
  const upstream = await startUpstream(t)
  const { at } = await startDns(t, { upstreams: () => [upstream.at] })
  const response = await ask(at, 'large.example.com')
  assert.ok(response.flags & FLAG.TC)
  assert.deepEqual(upstream.asked, ['udp large.example.com', 'tcp large.example.com'])
})

test('with the first upstream dead the second answers, and is asked first from then on', async (t) => {
  const dead = await startUpstream(t)
  await dead.stop()
  const upstream = await startUpstream(t)
  const { at, counters } = await startDns(t, { upstreams: () => [dead.at, upstream.at] })
  assert.deepEqual(addresses(await ask(at, 'example.com')), ['192.0.2.80'])
  assert.equal((await ask(at, 'absent.example.com')).rcode, RCODE.NXDOMAIN)
  assert.equal(counters.total('failures'), 1)
})

test('with all upstreams dead the old answer is given for an hour, and unknown names fail', async (t) => {
  const clock = new FakeClock()
  const upstream = await startUpstream(t)
  const { at } = await startDns(t, { upstreams: () => [upstream.at], clock })
  await ask(at, 'example.com')
  await upstream.stop()
  await clock.advance(301_000)
  const stale = await ask(at, 'example.com')
  assert.deepEqual([addresses(stale), stale.answerTtl], [['192.0.2.80'], 5])
  assert.equal((await ask(at, 'unknown.example.com')).rcode, RCODE.SERVFAIL)
  assert.deepEqual(addresses(await ask(at, 'web.blue.svc.cluster.local')), ['10.96.0.20'])
  await clock.advance(3_600_000)
  assert.equal((await ask(at, 'example.com')).rcode, RCODE.SERVFAIL)
})

test('a failing upstream’s SERVFAIL is passed on, or an old answer in its place', async (t) => {
  const clock = new FakeClock()
  const upstream = await startUpstream(t)
  const { at } = await startDns(t, { upstreams: () => [upstream.at], clock })
  await ask(at, 'example.com')
  upstream.mode.rcode = RCODE.SERVFAIL
  await clock.advance(301_000)
  assert.deepEqual(addresses(await ask(at, 'example.com')), ['192.0.2.80'])
  assert.equal((await ask(at, 'www.example.com')).rcode, RCODE.SERVFAIL)
})

test('the resolver never asks itself', async (t) => {
  const { at } = await startDns(t, { upstreams: (bound) => [...bound, { address: '10.96.0.10', port: 53 }] })
  assert.equal((await ask(at, 'example.com')).rcode, RCODE.SERVFAIL)
})

test('clients without EDNS get at most 512 bytes and no OPT record', async (t) => {
  const { at } = await startDns(t)
  const response = await ask(at, 'db.blue.svc.cluster.local', TYPE.A, false)
  assert.ok(response.flags & FLAG.TC)
  assert.ok(response.addresses.length < 31)
})

test('a connection may carry many questions at once, and nonsense ends it', async (t) => {
  const { at } = await startDns(t)
  const socket = createConnection({ host: at.address, port: at.port })
  let received = Buffer.alloc(0)
  const ended = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  const complete = new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      let [count, offset] = [0, 0]
      while (offset + 2 <= received.length) {
        offset += 2 + received.readUInt16BE(offset)
        count++
      }
      if (count === 300 && offset === received.length) resolve()
    })
  })
  const question = wireQuestion('web.blue.svc.cluster.local', TYPE.A)
  const query = framed(encodeQuery(1, question, { checkingDisabled: false, edns: false, dnssecOk: false }))
  socket.write(Buffer.concat(Array(300).fill(query)))
  await complete
  socket.write(Buffer.from([0xff, 0xff, 1, 2, 3]))
  await ended
})

test('after the stop nothing listens any more', async (t) => {
  const { at, stop, running } = await startDns(t)
  stop.abort()
  await running
  await assert.rejects(
    new Promise((resolve, reject) => {
      createConnection({ host: at.address, port: at.port }).on('connect', resolve).on('error', reject)
    }),
    { code: 'ECONNREFUSED' },
  )
})

test('an address that is taken is reported, and nothing stays behind', async (t) => {
  const taken = await listen([{ address: LOCAL, port: 0 }], () => undefined)
  t.after(taken.close)
  const attempt = runDns(
    { signal: new AbortController().signal, log: silentLogger },
    {
      cache: new HeldCache(),
      listen: [{ address: '127.0.0.2', port: taken.bound[0]!.port }, taken.bound[0]!],
      upstreams: () => [],
      clusterDomain: 'cluster.local',
      serviceCIDR: '10.96.0.0/12',
      clock: systemClock,
    },
  )
  await assert.rejects(attempt, { code: 'EADDRINUSE' })
  const again = await listen([{ address: '127.0.0.2', port: taken.bound[0]!.port }], () => undefined)
  await again.close()
})
