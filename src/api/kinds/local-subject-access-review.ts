import type * as types from '../types/authorization.v1.ts'
import { defineKind } from './kind.ts'

export type LocalSubjectAccessReview = types.LocalSubjectAccessReview

export const LocalSubjectAccessReview = defineKind<LocalSubjectAccessReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'LocalSubjectAccessReview',
  plural: 'localsubjectaccessreviews',
  scope: 'Namespaced',
  verbs: ['create'],
})
