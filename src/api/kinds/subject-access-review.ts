// SubjectAccessReview: may someone do this? Answered, never stored.

import type * as types from '../types/authorization.v1.ts'
import { anyName, validateQuestion } from './access-review.ts'
import { defineKind } from './kind.ts'

export type SubjectAccessReview = types.SubjectAccessReview

export const SubjectAccessReview = defineKind<SubjectAccessReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SubjectAccessReview',
  plural: 'subjectaccessreviews',
  scope: 'Cluster',
  verbs: ['create'],
  description: 'Asks whether a user may do something.',
  validateName: anyName,
  validate: ({ spec }) => validateQuestion(spec, true),
})
