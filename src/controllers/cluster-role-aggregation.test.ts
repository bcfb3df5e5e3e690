import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterRole } from '../api/kinds/cluster-role.ts'
import { aggregatedRules } from './cluster-role-aggregation.ts'

test('rules of selected roles are joined in order of names, each once', () => {
  const role = (name: string, labels: object, resources: string[], aggregationRule?: object) =>
    ({
      metadata: { name, labels },
      rules: resources.map((r) => ({ verbs: ['get'], resources: [r] })),
      aggregationRule,
    }) as unknown as ClusterRole
  const view = role('view', { view: 'yes' }, ['old'], { clusterRoleSelectors: [{ matchLabels: { view: 'yes' } }] })
  const all = [
    view,
    role('z', { view: 'yes' }, ['pods', 'secrets']),
    role('a', { view: 'yes' }, ['pods']),
    role('n', {}, ['nodes']),
  ]
  assert.deepEqual(
    aggregatedRules(view, all).map((rule) => rule.resources?.[0]),
    ['pods', 'secrets'],
  )
})
