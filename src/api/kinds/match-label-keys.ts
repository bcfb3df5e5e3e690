// `matchLabelKeys` and `mismatchLabelKeys`: at creation the pod's own values of these labels become part of the label selectors.

import type { PodAffinity, PodAffinityTerm, PodSpec } from '../types/core.v1.ts'
import type { LabelSelector } from '../types/meta.v1.ts'

type Labels = Readonly<Record<string, string>>

/** Changes the spec. Once per pod: at creation only. */
export function mergeMatchLabelKeys(spec: PodSpec, labels: Labels): void {
  for (const affinity of [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity]) {
    for (const term of termsOf(affinity)) {
      if (!term.labelSelector) continue
      addRequirements(term.labelSelector, term.matchLabelKeys, labels, 'In')
      addRequirements(term.labelSelector, term.mismatchLabelKeys, labels, 'NotIn')
    }
  }
  for (const constraint of spec.topologySpreadConstraints ?? []) {
    if (constraint.labelSelector) addRequirements(constraint.labelSelector, constraint.matchLabelKeys, labels, 'In')
  }
}

const termsOf = (affinity: PodAffinity | undefined): PodAffinityTerm[] => [
  ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
  ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
]

function addRequirements(
  selector: LabelSelector,
  keys: readonly string[] | undefined,
  labels: Labels,
  operator: 'In' | 'NotIn',
): void {
  for (const key of keys ?? []) {
    const value = labels[key]
    if (value === undefined) continue
    selector.matchExpressions = [...(selector.matchExpressions ?? []), { key, operator, values: [value] }]
  }
}
