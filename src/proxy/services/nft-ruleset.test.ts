import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ruleChange } from './nft-ruleset.ts'
import type { ServicePortRule } from './table.ts'

const options = { table: 't', podCIDR: '10.244.0.0/16' }
const backend = (ip: string) => ({ ip, port: 80, local: true })
function rule(change: Partial<ServicePortRule> = {}): ServicePortRule {
  return {
    id: 'blue/web:',
    protocol: 'TCP',
    virtualIPs: [{ ip: '10.96.0.7', port: 80, external: false }],
    nodePort: 0,
    backends: [backend('10.244.0.2')],
    externalBackends: [],
    preserveClientIP: false,
    affinitySeconds: 0,
    sourceRanges: [],
    ...change,
  }
}

test('adding and then removing a rule leaves nothing behind', () => {
  const shared = new Map<string, number>()
  const added = ruleChange(
    options,
    undefined,
    rule({ nodePort: 30080, externalBackends: [backend('10.244.0.2')], affinitySeconds: 10 }),
    shared,
  )
  const removed = ruleChange(
    options,
    rule({ nodePort: 30080, externalBackends: [backend('10.244.0.2')], affinitySeconds: 10 }),
    undefined,
    shared,
  )
  const names = (statements: string[], verb: string, what: string) =>
    statements
      .filter((s) => s.startsWith(`${verb} ${what} `))
      .map((s) => s.split(' ')[4])
      .sort()
  for (const what of ['chain', 'set']) assert.deepEqual(names(removed, 'delete', what), names(added, 'add', what))
  assert.equal(names(removed, 'delete', 'element').length, names(added, 'add', 'element').length)
  assert.equal(shared.size, 0)
})

test('a rule that did not change costs nothing', () => {
  assert.deepEqual(ruleChange(options, rule(), rule(), new Map()), [])
})

test('a new backend rewrites one chain and touches no map but the hairpins', () => {
  const shared = new Map<string, number>()
  ruleChange(options, undefined, rule(), shared)
  const statements = ruleChange(
    options,
    rule(),
    rule({ backends: [backend('10.244.0.2'), backend('10.244.0.3')] }),
    shared,
  )
  assert.match(statements[0]!, /^flush chain ip t svc-/)
  assert.match(statements.at(-1)!, /^add element ip t hairpins \{ 10\.244\.0\.3 \. 10\.244\.0\.3 \}$/)
  assert.ok(statements.slice(1, -1).every((s) => s.startsWith('add rule ip t svc-')))
})

test('what two rules share is added once and removed with the last', () => {
  const shared = new Map<string, number>()
  const other = rule({ id: 'blue/web:https', virtualIPs: [{ ip: '10.96.0.7', port: 443, external: false }] })
  assert.ok(ruleChange(options, undefined, rule(), shared).some((s) => s.includes('cluster-ips { 10.96.0.7 }')))
  assert.ok(!ruleChange(options, undefined, other, shared).some((s) => s.includes('cluster-ips')))
  assert.ok(!ruleChange(options, rule(), undefined, shared).some((s) => s.includes('cluster-ips')))
  assert.ok(
    ruleChange(options, other, undefined, shared).some((s) => s === 'delete element ip t cluster-ips { 10.96.0.7 }'),
  )
})

test('an address without backends moves to the rejected ones in the same transaction', () => {
  const shared = new Map<string, number>()
  ruleChange(options, undefined, rule(), shared)
  const statements = ruleChange(options, rule(), rule({ backends: [] }), shared)
  assert.ok(statements.includes('delete element ip t vips { 10.96.0.7 . tcp . 80 }'))
  assert.ok(statements.includes('add element ip t rejected-vips { 10.96.0.7 . tcp . 80 : goto refuse }'))
})
