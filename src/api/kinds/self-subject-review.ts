// SelfSubjectReview: who am I? Answered, never stored.

import type * as types from '../types/authentication.v1.ts'
import { anyName } from './access-review.ts'
import { text } from './columns.ts'
import { defineKind } from './kind.ts'

export type SelfSubjectReview = types.SelfSubjectReview

export const SelfSubjectReview = defineKind<SelfSubjectReview>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectReview',
  plural: 'selfsubjectreviews',
  scope: 'Cluster',
  verbs: ['create'],
  description: 'Asks who the caller is.',
  columns: [
    text('Username', (r) => r.status?.userInfo?.username ?? '', 'The name of the user.'),
    text('Groups', (r) => `[${(r.status?.userInfo?.groups ?? []).join(' ')}]`, 'The groups of the user.'),
  ],
  validateName: anyName,
})
