import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatResolvConf, parseResolvConf } from './resolv-conf.ts'

test('nameservers, the last search line and all options are read; comments and unknown lines are not', () => {
  const conf = parseResolvConf(
    '# made by hand\ndomain old.example\nsearch lan. example.com ; mine\nnameserver 192.0.2.1\n' +
      'nameserver fe80::1%eth0\noptions ndots:2 edns0\noptions edns0\nsortlist 10.0.0.0\nnameserver\n',
  )
  assert.deepEqual(conf, {
    nameservers: ['192.0.2.1', 'fe80::1%eth0'],
    searches: ['lan', 'example.com'],
    options: ['ndots:2', 'edns0'],
  })
})

test('what is written reads the same again, and nothing at all is an empty file', () => {
  const conf = { nameservers: ['10.96.0.10'], searches: ['blue.svc.cluster.local', 'lan'], options: ['ndots:5'] }
  assert.equal(formatResolvConf(conf), 'search blue.svc.cluster.local lan\nnameserver 10.96.0.10\noptions ndots:5\n')
  assert.deepEqual(parseResolvConf(formatResolvConf(conf)), conf)
  assert.equal(formatResolvConf({ nameservers: [], searches: [], options: [] }), '')
})
