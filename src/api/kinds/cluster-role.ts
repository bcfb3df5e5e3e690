import type * as types from '../types/rbac.v1.ts'
import { defineKind } from './kind.ts'

export type ClusterRole = types.ClusterRole

export const ClusterRole = defineKind<ClusterRole>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  scope: 'Cluster',
})
