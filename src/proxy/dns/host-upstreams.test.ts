import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { FakeClock } from '../../base/clock.ts'
import { hostUpstreams, withoutOurselves } from './host-upstreams.ts'
import { inNetworks } from './ip.ts'

test('nameservers follow the file, which is looked at every few seconds at most', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'resolv-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'resolv.conf')
  const clock = new FakeClock()
  const upstreams = hostUpstreams(path, clock)
  const addresses = () => upstreams().map(({ address, port }) => `${address} ${port}`)
  assert.deepEqual(addresses(), [])
  writeFileSync(path, 'nameserver 192.0.2.1\nnameserver 192.0.2.2\n')
  assert.deepEqual(addresses(), [], 'not looked at again yet')
  await clock.advance(5_000)
  assert.deepEqual(addresses(), ['192.0.2.1 53', '192.0.2.2 53'])
  writeFileSync(path, 'nameserver 192.0.2.3\n')
  utimesSync(path, 1, 1)
  await clock.advance(5_000)
  assert.deepEqual(addresses(), ['192.0.2.3 53'])
})

test('an upstream that is ourselves is left out, by its own address, a wildcard, or a Service address', () => {
  const isServiceAddress = inNetworks(['10.96.0.0/12'])
  const left = (bound: string, ...upstreams: string[]) =>
    withoutOurselves(
      upstreams.map((address) => ({ address, port: 53 })),
      [{ address: bound, port: 53 }],
      isServiceAddress,
    ).map(({ address }) => address)
  assert.deepEqual(left('192.0.2.9', '192.0.2.9', '127.0.0.53', '192.0.2.1'), ['127.0.0.53', '192.0.2.1'])
  assert.deepEqual(left('0.0.0.0', '127.0.0.53', '192.0.2.1'), ['192.0.2.1'])
  assert.deepEqual(left('192.0.2.9', '10.96.0.10', '192.0.2.1'), ['192.0.2.1'])
})
