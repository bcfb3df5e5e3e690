import type * as types from '../types/apps.v1.ts'
import { defineKind } from './kind.ts'

export type Deployment = types.Deployment

export const Deployment = defineKind<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  scope: 'Namespaced',
  shortNames: ['deploy'],
  categories: ['all'],
  subresources: ['status', 'scale'],
})
