import type * as types from '../types/coordination.v1.ts'
import { defineKind } from './kind.ts'

export type Lease = types.Lease

export const Lease = defineKind<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  scope: 'Namespaced',
})
