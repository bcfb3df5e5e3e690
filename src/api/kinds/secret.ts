import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'

export type Secret = types.Secret

export const Secret = defineKind<Secret>({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  scope: 'Namespaced',
})
