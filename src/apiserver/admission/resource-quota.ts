// What ResourceQuotas ask of a request beyond room: that pods say what they need, and, by configuration, that there is a quota at all for
// what is scarce. Room itself is claimed by the quota keeper right before the write.

import { Pod } from '../../api/kinds/pod.ts'
import type { ResourceQuota } from '../../api/kinds/resource-quota.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { unspecified } from '../quota/pod-usage.ts'
import type { QuotaKeeper } from '../quota/quota-keeper.ts'
import { covers, inScope, type ScopeRule, scopesOf, sourceOf, sourceOfBound, usageOf } from '../quota/usage.ts'
import { type AdmissionPlugin, type AdmissionRequest, refused } from './admission.ts'
import type { LimitedResource } from './configuration.ts'
import { isKind } from './lookup.ts'
import { type AdmissionSettings, isChosen, NO_SETTINGS } from './plugin-choice.ts'

type Quota = DeepReadonly<ResourceQuota>

const NAME = 'ResourceQuota'

export const enforcesQuotas = (settings: AdmissionSettings = NO_SETTINGS) => isChosen(NAME, 'on', settings)

export function resourceQuota(keeper: QuotaKeeper, limited: readonly LimitedResource[] = []): AdmissionPlugin {
  return {
    name: NAME,
    validate(request) {
      const { operation, subresource, namespace, object } = request
      if (!object || !namespace || (operation !== 'CREATE' && operation !== 'UPDATE')) return
      if (subresource !== '' && !isResize(request)) return
      if (limited.length === 0 && !keeper.hasQuotas(namespace)) return
      return ask(request, keeper.quotasOf(namespace), limited)
    },
  }
}

const isResize = ({ kind, subresource }: AdmissionRequest) => isKind(kind, Pod) && subresource === 'resize'

async function ask(
  request: AdmissionRequest,
  known: Promise<readonly Quota[]>,
  limited: readonly LimitedResource[],
): Promise<void> {
  const { kind, operation, object } = request
  const quotas = await known
  if (isKind(kind, Pod) && (operation === 'CREATE' || isResize(request))) {
    const why = unspecifiedFor(quotas, object as never)
    if (why) throw refused(request, why)
  }
  if (limited.length > 0 && operation === 'CREATE') {
    const why = uncovered(request, quotas, limited)
    if (why) throw refused(request, why)
  }
}

function unspecifiedFor(quotas: readonly Quota[], pod: DeepReadonly<Pod>): string | undefined {
  for (const quota of quotas) {
    const hard = quota.spec?.hard ?? {}
    if (!Object.keys(hard).some((name) => sourceOfBound(name) === '/pods') || !covers(quota, '/pods', pod)) continue
    const why = unspecified(pod, hard)
    if (why) return `failed quota: ${quota.metadata.name}: ${why}`
  }
  return undefined
}

/** k8s: what the configuration calls limited is only had where a quota bounds it. */
export function uncovered(
  { kind, object }: Pick<AdmissionRequest, 'kind' | 'object'>,
  quotas: readonly Quota[],
  limited: readonly LimitedResource[],
): string | undefined {
  const source = sourceOf({ group: kind.storedAs?.group ?? kind.group, plural: kind.plural })
  const rules = limited.filter(({ apiGroup, resource }) => (apiGroup ?? '') === kind.group && resource === kind.plural)
  if (rules.length === 0 || !object) return undefined
  const parts = rules.flatMap(({ matchContains }) => matchContains ?? [])
  const wanted = [...usageOf(source, object, 0).keys()].filter((name) => parts.some((part) => name.includes(part)))
  const bounded = new Set(
    quotas.flatMap((quota) => (covers(quota, source, object) ? Object.keys(quota.spec?.hard ?? {}) : [])),
  )
  const missing = wanted.filter((name) => !bounded.has(name)).sort()
  if (missing.length > 0) return `insufficient quota to consume: ${missing.join(',')}`
  const scopes = rules.flatMap(({ matchScopes }) => matchScopes ?? [])
  const asked = scopes.filter((rule) => inScope(source, object, rule))
  const given = quotas.flatMap((quota) => scopesOf(quota).filter((rule) => inScope(source, object, rule)))
  const left = asked.filter((rule) => !given.some((other) => other.scopeName === rule.scopeName))
  return left.length > 0 ? `insufficient quota to match these scopes: [${left.map(scopeText).join(' ')}]` : undefined
}

const scopeText = ({ scopeName, operator, values = [] }: ScopeRule) =>
  `{${scopeName} ${operator} [${values.join(' ')}]}`
