// LocalSubjectAccessReview: may someone do this in this namespace? Answered, never stored.
import { invalid } from '../meta/errors.ts'
import type * as types from '../types/authorization.v1.ts'
import { anyName, validateQuestion } from './access-review.ts'
import { defineKind } from './kind.ts'

export type LocalSubjectAccessReview = types.LocalSubjectAccessReview

export const LocalSubjectAccessReview = defineKind<LocalSubjectAccessReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'LocalSubjectAccessReview',
  plural: 'localsubjectaccessreviews',
  scope: 'Namespaced',
  verbs: ['create'],
  description: 'Asks whether a user may do something in one namespace.',
  validateName: anyName,
  validate({ metadata, spec }) {
    const errors = validateQuestion(spec, true)
    const namespace = spec?.resourceAttributes?.namespace
    if (spec?.resourceAttributes && namespace !== metadata.namespace) {
      errors.push(invalid('spec.resourceAttributes.namespace', namespace ?? '', 'must match metadata.namespace'))
    }
    if (spec?.nonResourceAttributes) {
      errors.push(
        invalid('spec.nonResourceAttributes', spec.nonResourceAttributes, 'disallowed on this kind of request'),
      )
    }
    return errors
  },
})
