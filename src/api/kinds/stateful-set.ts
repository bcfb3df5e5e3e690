import type * as types from '../types/apps.v1.ts'
import { defineKind } from './kind.ts'

export type StatefulSet = types.StatefulSet

export const StatefulSet = defineKind<StatefulSet>({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  scope: 'Namespaced',
  shortNames: ['sts'],
  categories: ['all'],
  subresources: ['status', 'scale'],
})
