// SelfSubjectRulesReview: what may I do in this namespace? Answered, never stored.
import { required } from '../meta/errors.ts'
import type * as types from '../types/authorization.v1.ts'
import { anyName } from './access-review.ts'
import { defineKind } from './kind.ts'

export type SelfSubjectRulesReview = types.SelfSubjectRulesReview

export const SelfSubjectRulesReview = defineKind<SelfSubjectRulesReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectRulesReview',
  plural: 'selfsubjectrulesreviews',
  scope: 'Cluster',
  verbs: ['create'],
  description: 'Asks what the caller may do in a namespace.',
  validateName: anyName,
  validate: ({ spec }) => (spec?.namespace ? [] : [required('spec.namespace', 'namespace is required')]),
})
