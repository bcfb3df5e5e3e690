// Labels of nodes that have been renamed or given up: what is said of their use in selectors. k8s: the sentences name the versions.
import { labelValue } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type { NodeSelectorTerm } from '../types/core.v1.ts'
import type { LabelSelector } from '../types/meta.v1.ts'

const DEPRECATED: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  'app.kubernetes.io/created-by': 'deprecated since v1.9',
  'scheduler.alpha.kubernetes.io/preferAvoidPods': 'deprecated since v1.22; use Taints and Tolerations instead',
  'node-role.kubernetes.io/master': 'use "node-role.kubernetes.io/control-plane" instead',
}

/** Undefined for a label that is fine. */
export const nodeLabelDeprecation = (key: string): string | undefined =>
  Object.hasOwn(DEPRECATED, key) ? DEPRECATED[key] : undefined

/** @param withValues preferences are not refused for values that no label can have, only warned of */
export function nodeTermWarnings(
  term: DeepReadonly<NodeSelectorTerm> | undefined,
  field: string,
  withValues: boolean,
): string[] {
  const warnings: string[] = []
  term?.matchExpressions?.forEach(({ key, values = [] }, i) => {
    const at = `${field}.matchExpressions[${i}]`
    const deprecation = nodeLabelDeprecation(key)
    if (deprecation) warnings.push(`${at}.key: ${key} is ${deprecation}`)
    if (!withValues) return
    values.forEach((value, v) => {
      for (const problem of labelValue(value)) warnings.push(`${at}.values[${v}]: ${value} is invalid, ${problem}`)
    })
  })
  return warnings
}

export function nodeSelectorWarnings(selector: DeepReadonly<LabelSelector> | undefined, field: string): string[] {
  const warnings: string[] = []
  selector?.matchExpressions?.forEach(({ key }, i) => {
    const deprecation = nodeLabelDeprecation(key)
    if (deprecation) warnings.push(`${field}.matchExpressions[${i}].key: ${key} is ${deprecation}`)
  })
  for (const key of Object.keys(selector?.matchLabels ?? {})) {
    const deprecation = nodeLabelDeprecation(key)
    if (deprecation) warnings.push(`${field}.matchLabels.${key}: ${deprecation}`)
  }
  return warnings
}
