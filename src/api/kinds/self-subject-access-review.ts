// SelfSubjectAccessReview: may I do this? Answered, never stored.

import type * as types from '../types/authorization.v1.ts'
import { anyName, validateQuestion } from './access-review.ts'
import { defineKind } from './kind.ts'

export type SelfSubjectAccessReview = types.SelfSubjectAccessReview

export const SelfSubjectAccessReview = defineKind<SelfSubjectAccessReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectAccessReview',
  plural: 'selfsubjectaccessreviews',
  scope: 'Cluster',
  verbs: ['create'],
  description: 'Asks whether the caller may do something.',
  validateName: anyName,
  validate: ({ spec }) => validateQuestion(spec, false),
})
