// Fills the rules of ClusterRoles that are made of others: all that their aggregationRule selects, in order of names, without repeats.
import { ClusterRole } from '../api/kinds/cluster-role.ts'
import { semanticEqual, stableText } from '../api/meta/equality.ts'
import { selects } from '../api/meta/label-selector.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import type { PolicyRule } from '../api/types/rbac.v1.ts'
import { defineController, type Trigger } from './controller.ts'

export function aggregatedRules(
  role: DeepReadonly<ClusterRole>,
  all: readonly DeepReadonly<ClusterRole>[],
): DeepReadonly<PolicyRule>[] {
  const selectors = role.aggregationRule?.clusterRoleSelectors ?? []
  const parts = all
    .filter(
      ({ metadata }) => metadata.name !== role.metadata.name && selectors.some((s) => selects(s, metadata.labels)),
    )
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  const rules = new Map<string, DeepReadonly<PolicyRule>>()
  for (const rule of parts.flatMap((part) => part.rules ?? [])) {
    const key = stableText(rule)
    if (!rules.has(key)) rules.set(key, rule)
  }
  return [...rules.values()]
}

/** A role concerns the aggregated ones that select it, or did before its labels changed. */
const aggregating: Trigger<ClusterRole> = {
  kind: ClusterRole,
  keys: (role, old, cache) =>
    cache
      .list(ClusterRole)
      .filter(({ aggregationRule }) =>
        aggregationRule?.clusterRoleSelectors?.some(
          (s) => selects(s, role.metadata.labels) || (old && selects(s, old.metadata.labels)),
        ),
      )
      .map(({ metadata }) => metadata.name),
}

export const clusterRoleAggregation = defineController<ClusterRole>({
  name: 'clusterrole-aggregation',
  kind: ClusterRole,
  triggers: [aggregating as unknown as Trigger<never>],
  async sync(ctx, role, _key, { client, cache }) {
    if (!role?.aggregationRule || role.metadata.deletionTimestamp) return
    const rules = aggregatedRules(role, cache.list(ClusterRole))
    if (!semanticEqual(rules, role.rules)) await client.update(ctx, ClusterRole, { ...role, rules })
  },
})
