import type * as types from '../types/authentication.v1.ts'
import { defineKind } from './kind.ts'

export type TokenReview = types.TokenReview

export const TokenReview = defineKind<TokenReview>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenReview',
  plural: 'tokenreviews',
  scope: 'Cluster',
  verbs: ['create'],
})
