import type * as types from '../types/rbac.v1.ts'
import { defineKind } from './kind.ts'

export type ClusterRoleBinding = types.ClusterRoleBinding

export const ClusterRoleBinding = defineKind<ClusterRoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  scope: 'Cluster',
})
