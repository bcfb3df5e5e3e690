import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'

export type Namespace = types.Namespace

export const Namespace = defineKind<Namespace>({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  scope: 'Cluster',
  shortNames: ['ns'],
  subresources: ['status', 'finalize'],
})
