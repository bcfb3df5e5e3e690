import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseAddress, defaultRouteInterface, nodeAddress } from './node-address.ts'

const HEADER = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT'
const route = (name: string, destination: string, { flags = '0003', metric = 0, mask = '00000000' } = {}) =>
  [name, destination, '0101A8C0', flags, '0', '0', metric, mask, '0', '0', '0'].join('\t')
const table = (...routes: string[]) => `${[HEADER, ...routes].join('\n')}\n`

test('the default route tells the interface, the one with the smallest metric first', () => {
  assert.equal(
    defaultRouteInterface(
      table(
        route('docker0', '000011AC', { mask: '0000FFFF' }),
        route('wlan0', '00000000', { metric: 600 }),
        route('eth0', '00000000', { metric: 100 }),
      ),
    ),
    'eth0',
  )
})

test('routes that are down, and halves of the address space as VPNs set them, are no default routes', () => {
  assert.equal(
    defaultRouteInterface(
      table(route('eth0', '00000000', { flags: '0002' }), route('tun0', '00000000', { mask: '00000080' })),
    ),
    undefined,
  )
  assert.equal(defaultRouteInterface(table()), undefined)
  assert.equal(defaultRouteInterface(''), undefined)
})

test('the address is that of the default route, else the first that is not a bridge for containers', () => {
  const addresses = [
    { name: 'docker0', ip: '172.17.0.1' },
    { name: 'skiff-two', ip: '10.245.0.1' },
    { name: 'eth0', ip: '192.168.1.20' },
    { name: 'wlan0', ip: '192.168.1.30' },
  ]
  assert.equal(chooseAddress(addresses, 'wlan0'), '192.168.1.30')
  assert.equal(chooseAddress(addresses, undefined), '192.168.1.20')
  assert.equal(chooseAddress(addresses, 'ppp0'), '192.168.1.20')
  assert.equal(chooseAddress(addresses.slice(0, 2), undefined), undefined)
})

test('a configured address is taken as it is', () => {
  assert.equal(nodeAddress('10.0.0.7'), '10.0.0.7')
})
