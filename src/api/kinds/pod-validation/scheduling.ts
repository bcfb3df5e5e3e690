// The rules of what a pod says about where it may run: node and pod affinity, tolerations, topology spread.
import { forbiddenField, invalid, required } from '../../meta/errors.ts'
import { dnsSubdomain, labelValue, qualifiedName } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import { validateLabels } from '../../meta/object-meta.ts'
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
import {
  checkLabel,
  checkOneOf,
  checkPositive,
  checkQualified,
  checkSelector,
  checkUnique,
  type Errors,
} from '../check.ts'

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
    checkTerm(errors, `${at}.preference`, preference)
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
    checkTerm(errors, `${path}.nodeSelectorTerms[${i}]`, term)
  })
}

function checkTerm(errors: Errors, path: string, term: DeepReadonly<NodeSelectorTerm> | undefined): void {
  term?.matchExpressions?.forEach((requirement, i) => {
    checkRequirement(errors, `${path}.matchExpressions[${i}]`, requirement)
  })
  term?.matchFields?.forEach(({ key, operator, values = [] }, i) => {
    const at = `${path}.matchFields[${i}]`
    if (operator !== 'In' && operator !== 'NotIn') {
      errors.push(invalid(`${at}.operator`, operator, 'not a valid selector operator'))
    } else if (values.length !== 1) {
      errors.push(
        required(`${at}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"),
      )
    }
    if (key !== 'metadata.name') errors.push(invalid(`${at}.key`, key, 'not a valid field selector key'))
    values.forEach((value, v) => {
      for (const problem of dnsSubdomain(value)) errors.push(invalid(`${at}.values[${v}]`, value, problem))
    })
  })
}

function checkRequirement(errors: Errors, path: string, requirement: DeepReadonly<NodeSelectorRequirement>): void {
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
      errors.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'))
  }
  for (const problem of qualifiedName(key ?? '')) errors.push(invalid(`${path}.key`, key, problem))
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

function checkPodTerm(errors: Errors, path: string, term: DeepReadonly<PodAffinityTerm> | undefined): void {
  if (!term) return void errors.push(required(path))
  checkSelector(errors, `${path}.labelSelector`, term.labelSelector)
  checkSelector(errors, `${path}.namespaceSelector`, term.namespaceSelector)
  term.namespaces?.forEach((namespace) => {
    checkLabel(errors, `${path}.namespace`, namespace)
  })
  checkTopologyKey(errors, `${path}.topologyKey`, term.topologyKey)
  for (const list of ['matchLabelKeys', 'mismatchLabelKeys'] as const) {
    if (term[list]?.length && !term.labelSelector) {
      errors.push(forbiddenField(`${path}.${list}`, 'must not be specified when labelSelector is not set'))
    }
  }
}

function checkTopologyKey(errors: Errors, field: string, key: string | undefined): void {
  if (!key) errors.push(required(field, 'can not be empty'))
  else checkQualified(errors, field, key)
}

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
      if (value) {
        errors.push(invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"))
      }
    } else if (operator === 'Equal' || !operator) {
      for (const problem of labelValue(value ?? '')) errors.push(invalid(`${at}.operator`, value, problem))
    } else if (operator === 'Lt' || operator === 'Gt') {
      if (!/^-?\d+$/.test(value ?? '')) {
        errors.push(invalid(`${at}.value`, value, "value must be a valid integer when `operator` is 'Lt' or 'Gt'"))
      }
    } else checkOneOf(errors, `${at}.operator`, operator, ['Equal', 'Exists'])
    checkOneOf(errors, `${at}.effect`, effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute'], true)
  })
}

export function checkSpreadConstraints(
  errors: Errors,
  path: string,
  constraints: readonly DeepReadonly<TopologySpreadConstraint>[] | undefined,
): void {
  constraints?.forEach((constraint, i) => {
    const at = `${path}[${i}]`
    checkPositive(errors, `${at}.maxSkew`, constraint.maxSkew ?? 0)
    checkTopologyKey(errors, `${at}.topologyKey`, constraint.topologyKey)
    checkOneOf(errors, `${at}.whenUnsatisfiable`, constraint.whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway'])
    if (constraint.minDomains !== undefined) {
      checkPositive(errors, `${at}.minDomains`, constraint.minDomains)
      if (constraint.whenUnsatisfiable !== 'DoNotSchedule') {
        errors.push(
          invalid(
            `${at}.minDomains`,
            constraint.minDomains,
            `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${constraint.whenUnsatisfiable}`,
          ),
        )
      }
    }
    checkOneOf(errors, `${at}.nodeAffinityPolicy`, constraint.nodeAffinityPolicy, ['Honor', 'Ignore'], true)
    checkOneOf(errors, `${at}.nodeTaintsPolicy`, constraint.nodeTaintsPolicy, ['Honor', 'Ignore'], true)
    checkSelector(errors, `${at}.labelSelector`, constraint.labelSelector)
    if (constraint.matchLabelKeys?.length && !constraint.labelSelector) {
      errors.push(forbiddenField(`${at}.matchLabelKeys`, 'must not be specified when labelSelector is not set'))
    }
    errors.push(
      ...validateLabels(
        Object.fromEntries((constraint.matchLabelKeys ?? []).map((k) => [k, ''])),
        `${at}.matchLabelKeys`,
      ),
    )
  })
  checkUnique(
    errors,
    constraints,
    (c) => `{${c.topologyKey}, ${c.whenUnsatisfiable}}`,
    (i) => `${path}[${i}].{topologyKey, whenUnsatisfiable}`,
  )
}
