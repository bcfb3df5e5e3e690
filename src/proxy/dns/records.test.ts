import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inNetworks } from './ip.ts'
import { answer } from './records.ts'
import { followServices, ServiceIndex } from './service-index.ts'
import { HeldCache, makeNamespace, makeService, makeSlice } from './test-services.ts'
import { type DnsRecord, TYPE } from './wire.ts'

const zone = { domain: 'cluster.local', isServiceAddress: inNetworks(['10.96.0.0/12']) }

function makeIndex() {
  const cache = new HeldCache()
  const index = new ServiceIndex()
  followServices(cache, index)
  cache.put(
    makeNamespace('blue'),
    makeNamespace('kube-system'),
    makeService(
      'kube-dns',
      { clusterIP: '10.96.0.10', ports: [{ name: 'dns', protocol: 'UDP', port: 53 }] },
      'kube-system',
    ),
    makeService('web', {
      clusterIP: '10.96.0.20',
      clusterIPs: ['10.96.0.20', 'fd00::20'],
      ports: [
        { name: 'http', port: 80 },
        { name: 'https', port: 443 },
      ],
    }),
    makeSlice('web', [{ addresses: ['10.244.0.5'] }]),
    makeService('db', { clusterIP: 'None', ports: [{ name: 'pg', port: 5432 }] }),
    makeSlice(
      'db',
      [
        { addresses: ['10.244.0.7'], hostname: 'db-0' },
        { addresses: ['10.244.1.7'], hostname: 'db-1' },
        { addresses: ['10.244.2.7'] },
        { addresses: ['10.244.3.7'], hostname: 'db-3', conditions: { ready: false } },
      ],
      [{ name: 'pg', protocol: 'TCP', port: 15432 }],
    ),
    makeService('all', { clusterIP: 'None', publishNotReadyAddresses: true }),
    makeSlice('all', [{ addresses: ['10.244.9.1'], conditions: { ready: false } }]),
    makeService('lonely', { clusterIP: 'None' }),
    makeService('six', { clusterIP: 'None' }),
    makeSlice('six', [{ addresses: ['fd00:10::5'] }]),
    makeService('outside', { type: 'ExternalName', externalName: 'Example.COM.' }),
    makeService('alias', { type: 'ExternalName', externalName: 'web.blue.svc.cluster.local' }),
    makeService('twice', { type: 'ExternalName', externalName: 'alias.blue.svc.cluster.local' }),
    makeService('circle', { type: 'ExternalName', externalName: 'circle.blue.svc.cluster.local' }),
    makeService('numeric', { type: 'ExternalName', externalName: '192.0.2.1' }),
  )
  return { cache, index }
}

const short = ({ name, data }: DnsRecord): string => {
  switch (data.type) {
    case TYPE.A:
    case TYPE.AAAA:
      return `${name} ${data.address}`
    case TYPE.SRV:
      return `${name} ${data.priority} ${data.weight} ${data.port} ${data.target}`
    case TYPE.TXT:
      return `${name} ${data.text}`
    case TYPE.SOA:
      return `${name} SOA ${data.negativeTtl}`
    default:
      return `${name} → ${data.target}`
  }
}

function asked(index: ServiceIndex, name: string, type: number): string[] | string {
  const found = answer(index, zone, name, type, 0)
  if (!found) return 'not ours'
  const lines = found.answers.map(short)
  const additional = (found.additional ?? []).map((r) => `+ ${short(r)}`)
  if (found.follow) lines.push(`and what ${found.follow} is`)
  if (lines.length > 0) return [...lines, ...additional]
  assert.deepEqual(found.authority?.map(short), ['cluster.local SOA 5'])
  return found.rcode === 3 ? 'NXDOMAIN' : 'NODATA'
}

const { A, AAAA, SRV, PTR, CNAME, TXT, SOA, NS, ANY } = TYPE
const WEB = 'web.blue.svc.cluster.local'
const DB = 'db.blue.svc.cluster.local'

const cases: [string, string, number, string[] | string][] = [
  ['a Service by its cluster address', WEB, A, [`${WEB} 10.96.0.20`]],
  ['its IPv6 address', WEB, AAAA, [`${WEB} fd00::20`]],
  ['a Service has no text', WEB, TXT, 'NODATA'],
  ['ANY gives both', WEB, ANY, [`${WEB} 10.96.0.20`, `${WEB} fd00::20`]],
  ['a Service that is not there', 'nope.blue.svc.cluster.local', A, 'NXDOMAIN'],
  ['a namespace that is not there', 'web.red.svc.cluster.local', A, 'NXDOMAIN'],
  ['a namespace that is, by itself', 'blue.svc.cluster.local', A, 'NODATA'],
  ['the branch of Services by itself', 'svc.cluster.local', A, 'NODATA'],
  ['the zone by itself', 'cluster.local', A, 'NODATA'],
  ['the zone’s SOA', 'cluster.local', SOA, ['cluster.local SOA 5']],
  [
    'its name server',
    'cluster.local',
    NS,
    ['cluster.local → ns.dns.cluster.local', '+ ns.dns.cluster.local 10.96.0.10'],
  ],
  ['the name server’s address', 'ns.dns.cluster.local', A, ['ns.dns.cluster.local 10.96.0.10']],
  ['another branch', 'blue.cluster.local', A, 'NXDOMAIN'],
  ['no wildcards', '*.blue.svc.cluster.local', A, 'NXDOMAIN'],
  ['the specification’s version', 'dns-version.cluster.local', TXT, ['dns-version.cluster.local 1.1.0']],
  ['a headless Service by its ready endpoints', DB, A, [`${DB} 10.244.0.7`, `${DB} 10.244.1.7`, `${DB} 10.244.2.7`]],
  ['no IPv6 among them', DB, AAAA, 'NODATA'],
  ['an endpoint by its host name', `db-1.${DB}`, A, [`db-1.${DB} 10.244.1.7`]],
  ['an endpoint without one by its address', `10-244-2-7.${DB}`, A, [`10-244-2-7.${DB} 10.244.2.7`]],
  ['an endpoint that is not ready', `db-3.${DB}`, A, 'NXDOMAIN'],
  ['one that is published anyway', 'all.blue.svc.cluster.local', A, ['all.blue.svc.cluster.local 10.244.9.1']],
  ['a headless Service without endpoints', 'lonely.blue.svc.cluster.local', A, 'NXDOMAIN'],
  [
    'IPv6 endpoints',
    'fd00-10--5.six.blue.svc.cluster.local',
    AAAA,
    ['fd00-10--5.six.blue.svc.cluster.local fd00:10::5'],
  ],
  [
    'a port of a Service',
    `_https._tcp.${WEB}`,
    SRV,
    [`_https._tcp.${WEB} 0 100 443 ${WEB}`, `+ ${WEB} 10.96.0.20`, `+ ${WEB} fd00::20`],
  ],
  [
    'all its ports',
    WEB,
    SRV,
    [`${WEB} 0 50 80 ${WEB}`, `${WEB} 0 50 443 ${WEB}`, `+ ${WEB} 10.96.0.20`, `+ ${WEB} fd00::20`],
  ],
  ['the address under a port’s name', `_http._tcp.${WEB}`, A, [`_http._tcp.${WEB} 10.96.0.20`]],
  ['a port that it has not', `_ftp._tcp.${WEB}`, SRV, 'NXDOMAIN'],
  ['the wrong protocol', `_http._udp.${WEB}`, SRV, 'NXDOMAIN'],
  ['a port without underscores', `http.tcp.${WEB}`, SRV, 'NXDOMAIN'],
  [
    'a port of a headless Service, by its endpoints and their own port',
    `_pg._tcp.${DB}`,
    SRV,
    [
      `_pg._tcp.${DB} 0 33 15432 db-0.${DB}`,
      `_pg._tcp.${DB} 0 33 15432 db-1.${DB}`,
      `_pg._tcp.${DB} 0 33 15432 10-244-2-7.${DB}`,
      `+ db-0.${DB} 10.244.0.7`,
      `+ db-1.${DB} 10.244.1.7`,
      `+ 10-244-2-7.${DB} 10.244.2.7`,
    ],
  ],
  [
    'an external name',
    'outside.blue.svc.cluster.local',
    A,
    ['outside.blue.svc.cluster.local → example.com', 'and what example.com is'],
  ],
  ['only the name', 'outside.blue.svc.cluster.local', CNAME, ['outside.blue.svc.cluster.local → example.com']],
  [
    'external names that lead back into the cluster',
    'twice.blue.svc.cluster.local',
    A,
    [
      'twice.blue.svc.cluster.local → alias.blue.svc.cluster.local',
      `alias.blue.svc.cluster.local → ${WEB}`,
      `${WEB} 10.96.0.20`,
    ],
  ],
  ['an external name that is an address', 'numeric.blue.svc.cluster.local', A, 'NODATA'],
  ['a pod by its address', '10-244-0-5.blue.pod.cluster.local', A, ['10-244-0-5.blue.pod.cluster.local 10.244.0.5']],
  ['a pod in no namespace', '10-244-0-5.red.pod.cluster.local', A, 'NXDOMAIN'],
  ['a pod by a name', 'web-0.blue.pod.cluster.local', A, 'NXDOMAIN'],
  ['a cluster address', '20.0.96.10.in-addr.arpa', PTR, [`20.0.96.10.in-addr.arpa → ${WEB}`]],
  ['an endpoint’s address', '7.1.244.10.in-addr.arpa', PTR, [`7.1.244.10.in-addr.arpa → db-1.${DB}`]],
  [
    'an IPv6 cluster address',
    '0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa',
    PTR,
    [`0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa → ${WEB}`],
  ],
  ['a cluster address that nobody has', '99.0.96.10.in-addr.arpa', PTR, 'NXDOMAIN'],
  ['somebody else’s address', '1.2.0.192.in-addr.arpa', PTR, 'not ours'],
  ['somebody else’s name', 'example.com', A, 'not ours'],
  ['a name that only ends alike', 'mycluster.local', A, 'not ours'],
]

const { index: shared } = makeIndex()
for (const [title, name, type, expected] of cases) {
  test(`${title}: ${name}`, () => assert.deepEqual(asked(shared, name, type), expected))
}

test('external names in a circle end', () => {
  const lines = asked(shared, 'circle.blue.svc.cluster.local', A)
  assert.equal(lines.length, 8)
})

test('addresses come in another order each time', () => {
  const first = (turn: number) => answer(shared, zone, DB, A, turn)?.answers.map((r) => short(r).split(' ')[1])[0]
  assert.deepEqual([first(0), first(1), first(2), first(3)], ['10.244.0.7', '10.244.1.7', '10.244.2.7', '10.244.0.7'])
})

test('the index follows every change, and forgets what is gone', () => {
  const { cache, index } = makeIndex()
  const address = (name: string) => asked(index, name, A)
  cache.put(makeService('web', { clusterIP: '10.96.0.21', ports: [] }))
  assert.deepEqual(address(WEB), [`${WEB} 10.96.0.21`])
  assert.equal(asked(index, '20.0.96.10.in-addr.arpa', PTR), 'NXDOMAIN')
  cache.put(makeService('web', { type: 'ExternalName', externalName: 'example.org' }))
  assert.deepEqual(address(WEB), [`${WEB} → example.org`, 'and what example.org is'])

  cache.put(makeSlice('db', [{ addresses: ['10.244.0.8'], hostname: 'db-0' }]))
  assert.deepEqual(address(DB), [`${DB} 10.244.0.8`])
  assert.equal(asked(index, '7.1.244.10.in-addr.arpa', PTR), 'not ours')
  // the address is in a second slice as well: removing one of them leaves it
  const second = makeSlice('db', [{ addresses: ['10.244.0.8'], hostname: 'db-0' }], [], 'blue', 'fghij')
  cache.put(second)
  assert.deepEqual(address(DB), [`${DB} 10.244.0.8`])
  cache.remove(second)
  assert.deepEqual(asked(index, '8.0.244.10.in-addr.arpa', PTR), [`8.0.244.10.in-addr.arpa → db-0.${DB}`])

  cache.remove(makeService('db', { clusterIP: 'None' }))
  assert.equal(address(DB), 'NXDOMAIN')
  cache.remove(makeNamespace('blue'))
  assert.equal(address(WEB), 'NXDOMAIN')
})
