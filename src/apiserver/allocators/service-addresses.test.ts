import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { testApi } from '../test-api.ts'
import { AddressRange } from './address-range.ts'

const api = await testApi({ nodePorts: { first: 30_000, last: 30_099 } })
after(() => api.close())
const SERVICES = '/api/v1/namespaces/default/services'
const service = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ port: 80, protocol: 'TCP' }], ...spec },
})
const make = (name: string, spec?: object) => api.post(SERVICES, service(name, spec))

test('the API and the resolver have their well-known addresses', async () => {
  assert.equal((await api.get(`${SERVICES}/kubernetes`)).body.spec.clusterIP, '10.96.0.1')
  const dns = await api.get('/api/v1/namespaces/kube-system/services/kube-dns')
  assert.equal(dns.body.spec.clusterIP, '10.96.0.10')
})

test('a Service gets an address, and says so in all its fields', async () => {
  const { body } = await make('plain')
  assert.match(body.spec.clusterIP, /^10\.96\.0\.\d+$/)
  assert.deepEqual(body.spec.clusterIPs, [body.spec.clusterIP])
  assert.deepEqual(body.spec.ipFamilies, ['IPv4'])
  assert.equal(body.spec.ipFamilyPolicy, 'SingleStack')
})

test('an address that is taken or outside of the range is refused', async () => {
  await make('chosen', { clusterIP: '10.96.0.77' })
  const taken = await make('second', { clusterIP: '10.96.0.77' })
  assert.equal(taken.status, 422)
  assert.match(
    taken.body.message,
    /spec\.clusterIPs: Invalid value: .*failed to allocate IP 10\.96\.0\.77: provided IP is already allocated/,
  )
  const outside = await make('second', { clusterIP: '10.97.0.1' })
  assert.match(
    outside.body.message,
    /failed to allocate IP 10\.97\.0\.1: the provided network does not match the current range/,
  )
})

test('concurrent Services never share an address, and a full range says so', async () => {
  const names = Array.from({ length: 40 }, (_, i) => `many${i}`)
  const made = await Promise.all(names.map((name) => make(name)))
  const addresses = made.map(({ body }) => body.spec.clusterIP)
  assert.equal(new Set(addresses).size, names.length)
  const tiny = await testApi({ serviceCIDR: '10.96.0.0/28' })
  let last = 201
  for (let i = 0; i < 20 && last === 201; i++) last = (await tiny.post(SERVICES, service(`t${i}`))).status
  assert.equal(last, 500)
  await tiny.close()
})

const WRITERS = 64
const tallied = (codes: number[]) =>
  Object.fromEntries([201, 422].map((code) => [code, codes.filter((c) => c === code).length]))

test('of many writers that ask for the same address or port at once, one gets it', async () => {
  const wide = await testApi()
  const rush = async (prefix: string, spec: object) => {
    const names = Array.from({ length: WRITERS }, (_, i) => `${prefix}${i}`)
    return Promise.all(names.map((name) => wide.post(SERVICES, service(name, spec))))
  }
  const sameAddress = await rush('a', { clusterIP: '10.96.0.200' })
  assert.deepEqual(tallied(sameAddress.map(({ status }) => status)), { 201: 1, 422: WRITERS - 1 })
  for (const { body } of sameAddress.filter(({ status }) => status === 422)) {
    assert.match(body.message, /failed to allocate IP 10\.96\.0\.200: provided IP is already allocated/)
  }
  const samePort = await rush('p', { type: 'NodePort', ports: [{ port: 80, nodePort: 31_000 }] })
  assert.deepEqual(tallied(samePort.map(({ status }) => status)), { 201: 1, 422: WRITERS - 1 })
  for (const { body } of samePort.filter(({ status }) => status === 422)) {
    assert.match(body.message, /nodePort: Invalid value: 31000: provided port is already allocated/)
  }
  const any = await rush('n', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' })
  const specs = any.map(({ body }) => body.spec)
  assert.equal(new Set(specs.map(({ clusterIP }) => clusterIP)).size, WRITERS)
  const ports = specs.flatMap((spec) => [spec.ports[0].nodePort, spec.healthCheckNodePort])
  assert.equal(new Set(ports).size, WRITERS * 2)
  assert.ok(ports.every((port) => port >= 30_000 && port <= 32_767 && port !== 31_000))
  // what was refused took nothing: all can be had once the winners are gone
  const winners = [...sameAddress, ...samePort].filter(({ status }) => status === 201)
  for (const { body } of winners) await wide.delete(`${SERVICES}/${body.metadata.name}`)
  const heir = await wide.post(
    SERVICES,
    service('heir', { type: 'NodePort', clusterIP: '10.96.0.200', ports: [{ port: 80, nodePort: 31_000 }] }),
  )
  assert.equal(heir.status, 201)
  await wide.close()
})

test('a deleted Service gives its address and ports back', async () => {
  await make('brief', { clusterIP: '10.96.0.78', type: 'NodePort', ports: [{ port: 80, nodePort: 30_050 }] })
  assert.equal((await make('heir', { clusterIP: '10.96.0.78' })).status, 422)
  await api.delete(`${SERVICES}/brief`)
  const heir = await make('heir', {
    clusterIP: '10.96.0.78',
    type: 'NodePort',
    ports: [{ port: 80, nodePort: 30_050 }],
  })
  assert.equal(heir.status, 201)
})

test('node ports are given, kept apart, and refused when taken or out of range', async () => {
  const { body } = await make('node', { type: 'NodePort' })
  const port = body.spec.ports[0].nodePort
  assert.ok(port >= 30_000 && port <= 30_099)
  const taken = await make('node2', { type: 'NodePort', ports: [{ port: 80, nodePort: port }] })
  assert.match(taken.body.message, /spec\.ports\[0\]\.nodePort: Invalid value: \d+: provided port is already allocated/)
  const outside = await make('node2', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] })
  assert.match(
    outside.body.message,
    /provided port is not in the valid range\. The range of valid ports is 30000-30099/,
  )
  const both = await make('node3', {
    type: 'NodePort',
    ports: [
      { name: 'a', port: 53, protocol: 'TCP', nodePort: 30_060 },
      { name: 'b', port: 53, protocol: 'UDP', nodePort: 30_060 },
    ],
  })
  assert.equal(both.status, 201)
})

test('an update without addresses keeps them, a change of type gives the ports back', async () => {
  const { body: made } = await make('stays', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_070 }] })
  const { body: replaced } = await api.put(`${SERVICES}/stays`, service('stays', { type: 'NodePort' }))
  assert.equal(replaced.spec.clusterIP, made.spec.clusterIP)
  assert.equal(replaced.spec.ports[0].nodePort, 30_070)
  const { body: inner } = await api.patch('merge', `${SERVICES}/stays`, { spec: { type: 'ClusterIP' } })
  assert.equal(inner.spec.ports[0].nodePort, undefined)
  assert.equal((await make('next', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_070 }] })).status, 201)
})

test('headless and external Services have no address', async () => {
  const headless = await make('headless', { clusterIP: 'None' })
  assert.deepEqual(headless.body.spec.clusterIPs, ['None'])
  const external = await make('external', { type: 'ExternalName', externalName: 'example.com', ports: undefined })
  assert.equal(external.status, 201)
  assert.equal(external.body.spec.clusterIP, undefined)
})

test('ranges count their addresses in both families', () => {
  const four = new AddressRange('10.96.0.0/24')
  assert.deepEqual(
    [four.usable, four.at(1), four.contains('10.96.0.255'), four.contains('10.96.0.254')],
    [254, '10.96.0.1', false, true],
  )
  const six = new AddressRange('fd00:10:96::/112')
  assert.deepEqual([six.at(1), six.at(10), six.contains('fd00:10:96::ffff')], ['fd00:10:96::1', 'fd00:10:96::a', true])
  assert.equal(new AddressRange('10.96.3.4/16').cidr, '10.96.0.0/16')
  assert.throws(() => new AddressRange('10.96.0.0'), /is not a CIDR/)
})
