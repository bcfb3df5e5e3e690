// TokenReview: whose token is this? Answered, never stored.

import { required } from '../meta/errors.ts'
import type * as types from '../types/authentication.v1.ts'
import { anyName } from './access-review.ts'
import { defineKind } from './kind.ts'

export type TokenReview = types.TokenReview

export const TokenReview = defineKind<TokenReview>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenReview',
  plural: 'tokenreviews',
  scope: 'Cluster',
  verbs: ['create'],
  description: 'Asks whose token this is.',
  validateName: anyName,
  validate: ({ spec }) => (spec?.token ? [] : [required('spec.token')]),
})
