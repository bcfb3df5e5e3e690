import type * as types from '../types/authentication.v1.ts'
import { defineKind } from './kind.ts'

export type SelfSubjectReview = types.SelfSubjectReview

export const SelfSubjectReview = defineKind<SelfSubjectReview>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectReview',
  plural: 'selfsubjectreviews',
  scope: 'Cluster',
  verbs: ['create'],
})
