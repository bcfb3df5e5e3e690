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
import { ownerNameWarnings, podTemplateWarnings } from './pod-validation/warnings.ts'

export type Template = DeepReadonly<PodTemplateSpec>
type Selector = DeepReadonly<LabelSelector>

/** Templates of all workloads, Jobs too. */
export function defaultTemplate(owner: { template?: PodTemplateSpec }): void {
  owner.template ??= {}
  owner.template.spec ??= { containers: [] }
  defaultPodSpec(owner.template.spec)
}

interface Words {
  /** In the sentence about an empty selector. */
  readonly empty: string
  /** Said of a selector that can't be read, which ends the matter: nothing more is known of the template. Undefined: nothing is said. */
  readonly unreadable?: string
  /** In the sentence about deadlines. */
  readonly deadline: string
  readonly selectorRequired: boolean
}

/** k8s: the sentences about ReplicaSets speak of a deployment, those about the templates of both of a ReplicaSet. */
const WORDS = {
  deployment: {
    empty: 'deployment',
    unreadable: 'invalid label selector',
    deadline: 'ReplicaSet',
    selectorRequired: true,
  },
  statefulset: { empty: 'statefulset', unreadable: '', deadline: 'StatefulSet', selectorRequired: true },
  daemonset: { empty: 'daemonset', deadline: 'DaemonSet', selectorRequired: false },
} satisfies Record<string, Words>

/** `spec.selector` and `spec.template` of a workload whose pods must restart. */
export function validateSelectorAndTemplate(
  spec: { readonly selector?: Selector; readonly template?: Template },
  kind: keyof typeof WORDS,
): FieldError[] {
  const errors: FieldError[] = []
  const words: Words = WORDS[kind]
  const { selector, template } = spec
  const empty = selector !== undefined && selectorIsEmpty(selector)
  if (!selector && words.selectorRequired) errors.push(required('spec.selector'))
  checkSelector(errors, 'spec.selector', selector)
  const readable = selector === undefined || errors.length === 0
  if (empty) errors.push(invalid('spec.selector', selector, `empty selector is invalid for ${words.empty}`))
  if (!readable && words.unreadable !== undefined) {
    const error = invalid('spec.selector', selector, words.unreadable)
    errors.push({ ...error, message: error.message.replace(/: $/, '') })
    return kind === 'statefulset' ? [...errors, ...alwaysRestarts(template, words.deadline)] : errors
  }
  // k8s: a missing selector selects nothing, so that its template does not match either; an empty one selects everything.
  const labels = template?.metadata?.labels
  if (readable && !empty && !matches(fromLabelSelector(selector), labels)) errors.push(templateMismatch(labels ?? null))
  errors.push(...validatePodTemplate(template, 'spec.template'), ...alwaysRestarts(template, words.deadline))
  return errors
}

export const templateMismatch = (labels: Readonly<Record<string, string>> | null): FieldError =>
  invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')

/** `deadline` is the kind that the sentence about deadlines speaks of. */
export function alwaysRestarts(template: Template | undefined, deadline = 'ReplicaSet'): FieldError[] {
  const errors: FieldError[] = []
  const spec = template?.spec
  if (spec?.restartPolicy && spec.restartPolicy !== 'Always') {
    errors.push(notSupported('spec.template.spec.restartPolicy', spec.restartPolicy, ['Always']))
  }
  if (spec?.activeDeadlineSeconds !== undefined) {
    const why = `activeDeadlineSeconds in ${deadline} is not Supported`
    errors.push(forbiddenField('spec.template.spec.activeDeadlineSeconds', why))
  }
  return errors
}

interface Owner {
  readonly metadata: { readonly name: string; readonly generation?: number }
  readonly spec?: { readonly template?: Template }
}

/** k8s: of an update that changes nothing of the spec nothing is said. `named`: pods get names and hostnames from the owner's. */
export function workloadWarnings(owner: Owner, old: Owner | undefined, named: boolean): string[] {
  if (old && old.metadata.generation === owner.metadata.generation) return []
  const names = named && !old ? ownerNameWarnings(owner.metadata.name) : []
  return [...names, ...podTemplateWarnings(owner.spec?.template, 'spec.template')]
}
