// The rules of what a pod says about where it may run: node and pod affinity, tolerations, topology spread.
import { duplicate, forbiddenField, invalid, notSupported, required } from '../../meta/errors.ts'
import { dnsLabel, dnsSubdomain, labelValue, qualifiedName } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type {
  Affinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  Toleration,
  TopologySpreadConstraint,
} from '../../types/core.v1.ts'
import { checkPositive, checkQualified, checkSelector, type Errors } from '../check.ts'

export function checkAffinity(errors: Errors, path: string, affinity: DeepReadonly<Affinity> | undefined): void {
  const node = affinity?.nodeAffinity
  const [must, prefer] = [
    'requiredDuringSchedulingIgnoredDuringExecution',
    'preferredDuringSchedulingIgnoredDuringExecution',
  ] as const
  if (node?.[must]) checkNodeSelector(errors, `${path}.nodeAffinity.${must}`, node[must])
  node?.[prefer]?.forEach(({ weight, preference }, i) => {
    const at = `${path}.nodeAffinity.${prefer}[${i}]`
    checkWeight(errors, `${at}.weight`, weight)
    // k8s: values that no label can have are only warned of here.
    checkTerm(errors, `${at}.preference`, preference, false)
  })
  checkPodAffinity(errors, `${path}.podAffinity`, affinity?.podAffinity)
  checkPodAffinity(errors, `${path}.podAntiAffinity`, affinity?.podAntiAffinity)
}

function checkWeight(errors: Errors, field: string, weight: number): void {
  if (!(weight >= 1 && weight <= 100)) errors.push(invalid(field, weight, 'must be in the range 1-100'))
}

export function checkNodeSelector(errors: Errors, path: string, selector: DeepReadonly<NodeSelector>): void {
  const terms = selector.nodeSelectorTerms ?? []
  if (terms.length === 0) {
    errors.push(required(`${path}.nodeSelectorTerms`, 'must have at least one node selector term'))
  }
  terms.forEach((term, i) => {
    checkTerm(errors, `${path}.nodeSelectorTerms[${i}]`, term, true)
  })
}

function checkTerm(
  errors: Errors,
  path: string,
  term: DeepReadonly<NodeSelectorTerm> | undefined,
  withValues: boolean,
): void {
  term?.matchExpressions?.forEach((requirement, i) => {
    checkRequirement(errors, `${path}.matchExpressions[${i}]`, requirement, withValues)
  })
  term?.matchFields?.forEach(({ key = '', operator, values = [] }, i) => {
    const at = `${path}.matchFields[${i}]`
    if (operator !== 'In' && operator !== 'NotIn') {
      errors.push(invalid(`${at}.operator`, operator ?? '', 'not a valid selector operator'))
    } else if (values.length !== 1) {
      errors.push(
        required(`${at}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"),
      )
    }
    if (key !== 'metadata.name') {
      errors.push(invalid(`${at}.key`, key, 'not a valid field selector key'))
      return
    }
    values.forEach((value, v) => {
      for (const problem of dnsSubdomain(value)) errors.push(invalid(`${at}.values[${v}]`, value, problem))
    })
  })
}

function checkRequirement(
  errors: Errors,
  path: string,
  requirement: DeepReadonly<NodeSelectorRequirement>,
  withValues: boolean,
): void {
  const { key, operator, values = [] } = requirement
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) {
        errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
      }
      break
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        errors.push(
          forbiddenField(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        )
      }
      break
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        errors.push(required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"))
      }
      break
    default:
      errors.push(invalid(`${path}.operator`, operator ?? '', 'not a valid selector operator'))
  }
  for (const problem of qualifiedName(key ?? '')) errors.push(invalid(`${path}.key`, key ?? '', problem))
  if (!withValues) return
  values.forEach((value, i) => {
    for (const problem of labelValue(value)) errors.push(invalid(`${path}.values[${i}]`, value, problem))
  })
}

function checkPodAffinity(errors: Errors, path: string, affinity: DeepReadonly<PodAffinity> | undefined): void {
  affinity?.requiredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => {
    checkPodTerm(errors, `${path}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`, term)
  })
  affinity?.preferredDuringSchedulingIgnoredDuringExecution?.forEach(({ weight, podAffinityTerm }, i) => {
    const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`
    checkWeight(errors, `${at}.weight`, weight)
    checkPodTerm(errors, `${at}.podAffinityTerm`, podAffinityTerm)
  })
}

function checkPodTerm(errors: Errors, path: string, given: DeepReadonly<PodAffinityTerm> | undefined): void {
  const term = given ?? ({} as DeepReadonly<PodAffinityTerm>)
  checkSelector(errors, `${path}.labelSelector`, term.labelSelector)
  checkSelector(errors, `${path}.namespaceSelector`, term.namespaceSelector)
  for (const namespace of term.namespaces ?? []) {
    for (const problem of dnsLabel(namespace)) errors.push(invalid(`${path}.namespace`, namespace, problem))
  }
  checkLabelKeys(errors, path, term)
  const key = term.topologyKey ?? ''
  if (!key) errors.push(required(`${path}.topologyKey`, 'can not be empty'))
  for (const problem of qualifiedName(key)) errors.push(invalid(`${path}.topologyKey`, key, problem))
}

function checkLabelKeys(errors: Errors, path: string, term: DeepReadonly<PodAffinityTerm>): void {
  const { matchLabelKeys = [], mismatchLabelKeys = [], labelSelector } = term
  for (const [list, keys] of Object.entries({ matchLabelKeys, mismatchLabelKeys })) {
    if (keys.length === 0) continue
    if (!labelSelector) {
      errors.push(forbiddenField(`${path}.${list}`, 'must not be specified when labelSelector is not set'))
      continue
    }
    keys.forEach((key, i) => {
      for (const problem of qualifiedName(key)) errors.push(invalid(`${path}.${list}[${i}]`, key, problem))
    })
  }
  // The keys' own expressions are in the selector already: another one of the same key is the user's.
  const seen = new Set(Object.keys(labelSelector?.matchLabels ?? {}))
  for (const { key } of labelSelector?.matchExpressions ?? []) {
    const at = matchLabelKeys.lastIndexOf(key)
    if (at >= 0 && seen.has(key)) {
      errors.push(invalid(`${path}[${at}]`, key, 'exists in both matchLabelKeys and labelSelector'))
    }
    seen.add(key)
  }
  matchLabelKeys.forEach((key, i) => {
    if (!mismatchLabelKeys.includes(key)) return
    errors.push(invalid(`${path}.matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys'))
  })
}

const OPERATORS = ['Equal', 'Exists']
const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

export function checkTolerations(
  errors: Errors,
  path: string,
  tolerations: readonly DeepReadonly<Toleration>[] | undefined,
): void {
  tolerations?.forEach((toleration, i) => {
    const at = `${path}[${i}]`
    const { key, operator, value, effect, tolerationSeconds } = toleration
    if (key) checkQualified(errors, `${at}.key`, key)
    if (!key && operator !== 'Exists') {
      errors.push(
        invalid(
          `${at}.operator`,
          operator ?? '',
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      )
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      errors.push(invalid(`${at}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"))
    }
    if (operator === 'Exists') {
      if (value) errors.push(invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"))
    } else if (operator === 'Equal' || !operator) {
      const problems = labelValue(value ?? '')
      if (problems.length > 0) errors.push(invalid(`${at}.operator`, value ?? '', problems.join(';')))
      // k8s: comparisons of numbers wait for a feature that is off.
    } else errors.push(notSupported(`${at}.operator`, operator, OPERATORS))
    if (effect && !EFFECTS.includes(effect)) errors.push(notSupported(`${at}.effect`, effect, EFFECTS))
  })
}

export function checkSpreadConstraints(
  errors: Errors,
  path: string,
  constraints: readonly DeepReadonly<TopologySpreadConstraint>[] | undefined,
): void {
  constraints?.forEach((constraint, i) => {
    const at = `${path}[${i}]`
    const { topologyKey, minDomains, labelSelector } = constraint
    const action = constraint.whenUnsatisfiable ?? ''
    checkPositive(errors, `${at}.maxSkew`, constraint.maxSkew ?? 0)
    if (!topologyKey) errors.push(required(`${at}.topologyKey`, 'can not be empty'))
    const actions = ['DoNotSchedule', 'ScheduleAnyway']
    if (!actions.includes(action)) errors.push(notSupported(`${at}.whenUnsatisfiable`, action, actions))
    if (constraints.slice(i + 1).some((c) => c.topologyKey === topologyKey && c.whenUnsatisfiable === action)) {
      errors.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey ?? ''}, ${action}}`))
    }
    if (minDomains !== undefined) {
      checkPositive(errors, `${at}.minDomains`, minDomains)
      if (action !== 'DoNotSchedule') {
        const why = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action}`
        errors.push(invalid(`${at}.minDomains`, minDomains, why))
      }
    }
    for (const key of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      const policy = constraint[key]
      const policies = ['Honor', 'Ignore']
      if (policy !== undefined && !policies.includes(policy)) {
        errors.push(notSupported(`${at}.${key}`, policy, policies))
      }
    }
    checkSpreadKeys(errors, `${at}.matchLabelKeys`, constraint)
    checkSelector(errors, `${at}.labelSelector`, labelSelector)
  })
}

function checkSpreadKeys(errors: Errors, path: string, constraint: DeepReadonly<TopologySpreadConstraint>): void {
  const { matchLabelKeys: keys = [], labelSelector } = constraint
  if (keys.length === 0) return
  if (!labelSelector) errors.push(forbiddenField(path, 'must not be specified when labelSelector is not set'))
  keys.forEach((key, i) => {
    for (const problem of qualifiedName(key)) errors.push(invalid(`${path}[${i}]`, key, problem))
    // The key's own expression is in the selector already: another one of the same key is the user's.
    const expressions = (labelSelector?.matchExpressions ?? []).filter((expression) => expression.key === key)
    const others = expressions.length + (labelSelector?.matchLabels?.[key] === undefined ? 0 : 1)
    if (others > 1) errors.push(invalid(`${path}[${i}]`, key, 'exists in both matchLabelKeys and labelSelector'))
  })
}
