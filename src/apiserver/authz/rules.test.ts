import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PolicyRule } from '../../api/types/rbac.v1.ts'
import { allow, allowUrls } from './rule-notation.ts'
import { formatRules, ruleAllows, uncovered } from './rules.ts'

describe('RBAC rules', () => {
  const attributes = (verb: string, resource: string, name = '', apiGroup = '') => {
    const [main = '', subresource = ''] = resource.split('/')
    return { isResource: true, verb, path: '', group: apiGroup, resource: main, subresource, namespace: 'blue', name }
  }

  it('match verbs, groups, resources, subresources and names', () => {
    const cases: [PolicyRule, ReturnType<typeof attributes>, boolean][] = [
      [allow('get', '""', 'pods'), attributes('get', 'pods'), true],
      [allow('get', '""', 'pods'), attributes('get', 'pods/log'), false],
      [allow('get', '""', 'pods/log'), attributes('get', 'pods/log'), true],
      [allow('get', '""', 'pods'), attributes('list', 'pods'), false],
      [allow('get', '""', 'pods'), attributes('get', 'pods', '', 'apps'), false],
      [allow('*', '*', '*'), attributes('delete', 'pods/status', 'x', 'apps'), true],
      [allow('get', 'apps', '*/scale'), attributes('get', 'deployments/scale', 'x', 'apps'), true],
      [allow('get', 'apps', '*/scale'), attributes('get', 'deployments', 'x', 'apps'), false],
      [allow('get', '""', 'pods', 'a b'), attributes('get', 'pods', 'b'), true],
      [allow('get', '""', 'pods', 'a b'), attributes('get', 'pods', 'c'), false],
      [allow('list', '""', 'pods', 'a'), attributes('list', 'pods'), false],
    ]
    for (const [rule, asked, expected] of cases)
      assert.equal(ruleAllows(rule, asked), expected, JSON.stringify([rule, asked]))
    const path = (url: string) => ({ ...attributes('get', ''), isResource: false, path: url })
    assert.ok(ruleAllows(allowUrls('get', '/healthz /apis/*'), path('/apis/apps')))
    assert.ok(!ruleAllows(allowUrls('get', '/healthz /apis/*'), path('/apis')))
    assert.ok(!ruleAllows(allow('*', '*', '*'), path('/healthz')))
  })

  it('cover others when nothing is left', () => {
    const owned = [
      allow('get list', '""', 'pods services'),
      allow('get', '""', 'secrets', 'a b'),
      allow('update', 'apps', '*/scale'),
    ]
    const left = (...wanted: PolicyRule[]) => formatRules(uncovered(owned, wanted))
    assert.equal(left(allow('get', '""', 'pods'), allow('list', '""', 'services')), '')
    assert.equal(left(allow('get', '""', 'secrets', 'a')), '')
    assert.equal(left(allow('get', '""', 'secrets')), '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}')
    assert.equal(
      left(allow('get', '""', 'secrets', 'a c')),
      '{APIGroups:[""], Resources:["secrets"], ResourceNames:["c"], Verbs:["get"]}',
    )
    assert.equal(left(allow('update', 'apps', 'deployments/scale')), '')
    assert.equal(
      left(allow('get delete watch', '""', 'pods')),
      '{APIGroups:[""], Resources:["pods"], Verbs:["delete" "watch"]}',
    )
    assert.equal(left(allowUrls('get', '/metrics')), '{NonResourceURLs:["/metrics"], Verbs:["get"]}')
    assert.equal(
      formatRules(
        uncovered([allow('*', '*', '*'), allowUrls('*', '*')], [allow('*', '*', '*'), allowUrls('*', '/x/*')]),
      ),
      '',
    )
  })
})
