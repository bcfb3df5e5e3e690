// What Deployment, ReplicaSet, StatefulSet, DaemonSet and ReplicationController have in common: a selector that must match the
// labels of a pod template whose pods restart for ever.
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import { fromLabelSelector, matches } from '../meta/label-selector.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type { PodTemplateSpec } from '../types/core.v1.ts'
import type { LabelSelector } from '../types/meta.v1.ts'
import { checkSelector, selectorIsEmpty } from './check.ts'
import { defaultPodSpec } from './pod-spec-defaults.ts'
import { validatePodTemplate } from './pod-validation/spec.ts'

export type Template = DeepReadonly<PodTemplateSpec>
type Selector = DeepReadonly<LabelSelector>

/** Templates of all workloads, Jobs too. */
export function defaultTemplate(owner: { template?: PodTemplateSpec }): void {
  owner.template ??= {}
  owner.template.spec ??= { containers: [] }
  defaultPodSpec(owner.template.spec)
}

/** `spec.selector` and `spec.template` of a workload whose pods must restart. `kind` is the word in the sentence about emptiness. */
export function validateSelectorAndTemplate(
  spec: { readonly selector?: Selector; readonly template?: Template },
  kind: string,
): FieldError[] {
  const errors: FieldError[] = []
  const { selector, template } = spec
  if (!selector) errors.push(required('spec.selector'))
  else {
    checkSelector(errors, 'spec.selector', selector)
    if (selectorIsEmpty(selector)) {
      errors.push(invalid('spec.selector', selector, `empty selector is invalid for ${kind}`))
    }
  }
  // k8s: a missing selector selects nothing, so that its template does not match either.
  if (!selector || errors.length === 0) {
    const labels = template?.metadata?.labels
    if (!matches(fromLabelSelector(selector), labels)) errors.push(templateMismatch(labels ?? null))
  }
  errors.push(...validatePodTemplate(template, 'spec.template'), ...alwaysRestarts(template))
  return errors
}

export const templateMismatch = (labels: Readonly<Record<string, string>> | null): FieldError =>
  invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')

export function alwaysRestarts(template: Template | undefined): FieldError[] {
  const errors: FieldError[] = []
  const spec = template?.spec
  if (spec?.restartPolicy && spec.restartPolicy !== 'Always') {
    errors.push(notSupported('spec.template.spec.restartPolicy', spec.restartPolicy, ['Always']))
  }
  if (spec?.activeDeadlineSeconds !== undefined) {
    errors.push(
      forbiddenField(
        'spec.template.spec.activeDeadlineSeconds',
        'activeDeadlineSeconds in ReplicaSet is not Supported',
      ),
    )
  }
  return errors
}
