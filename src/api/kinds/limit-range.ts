import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'

export type LimitRange = types.LimitRange

export const LimitRange = defineKind<LimitRange>({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  scope: 'Namespaced',
  shortNames: ['limits'],
})
