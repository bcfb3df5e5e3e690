import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'

export type PodTemplate = types.PodTemplate

export const PodTemplate = defineKind<PodTemplate>({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  plural: 'podtemplates',
  scope: 'Namespaced',
})
