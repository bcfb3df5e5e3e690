import type * as types from '../types/authorization.v1.ts'
import { defineKind } from './kind.ts'

export type SelfSubjectRulesReview = types.SelfSubjectRulesReview

export const SelfSubjectRulesReview = defineKind<SelfSubjectRulesReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectRulesReview',
  plural: 'selfsubjectrulesreviews',
  scope: 'Cluster',
  verbs: ['create'],
})
