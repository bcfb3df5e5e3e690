import type * as types from '../types/networking.v1.ts'
import { defineKind } from './kind.ts'

export type NetworkPolicy = types.NetworkPolicy

export const NetworkPolicy = defineKind<NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  scope: 'Namespaced',
  shortNames: ['netpol'],
})
