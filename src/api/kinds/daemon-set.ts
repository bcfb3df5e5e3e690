import type * as types from '../types/apps.v1.ts'
import { defineKind } from './kind.ts'

export type DaemonSet = types.DaemonSet

export const DaemonSet = defineKind<DaemonSet>({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  scope: 'Namespaced',
  shortNames: ['ds'],
  categories: ['all'],
  subresources: ['status'],
})
